#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// For members at sites with slow links between them. Inside a site all send to its head, the site's
// first contributor in the closed order, which forms their weighted mean; the heads exchange these
// means, weighted by the sums, as direct does, and hand the result down verbatim. So over the slow
// links each site sends (S-1)/S (c + r) bytes for S sites, however many members it has. The mean of
// a site with more than one member goes out encoded in `codec` again, without error feedback: with
// a coarse codec its loss comes on top. A site of one sends its contribution as it is.
//
// All members end with the same bits. They are no other collective's, but for direct's if every
// site has one member. Needs a decomposable reducer.
class HierarchicalCollective : public Collective {
 public:
  std::string_view name() const override { return "hierarchical"; }
  const Codec& result_codec(const Codec& wanted) const override { return wanted; }
  bool combines_partials() const override { return true; }
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
