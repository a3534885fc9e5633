#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/comm/collective/link_use.h>
#include <outrigger/comm/collective/plan.h>

namespace outrigger {

// What the coordinator has learnt of the links between the islands, from the votes' samples, and
// the shares it plans from that. Not durable: a restarted coordinator begins with equal shares and
// measures anew; what a close says is in the journal. Pure, not thread-safe.
class LinkBook {
 public:
  explicit LinkBook(std::size_t islands);

  // Of the exchange of one round, as `island` saw it. What cannot be so is left out.
  void measured(std::uint32_t island, std::span<const LinkUse> links);

  // The shares of these islands' shards (plan_shares), in their order. Empty, which means equal,
  // until every link between them is measured, while no link keeps anybody waiting for 0.1 s, and
  // unless they make the slowest member faster by a tenth: below that it is noise, and equal shares
  // are easier to follow.
  std::vector<std::uint64_t> shares(std::span<const std::uint32_t> islands,
                                    const PlannedBytes& bytes) const;

 private:
  // Moving averages over rounds, in which a round counts half as much as the next.
  struct Link {
    double bytes = 0;
    double seconds = 0;
  };

  const std::size_t islands_;
  std::vector<Link> links_;  // from the row's island to the column's
};

}  // namespace outrigger
