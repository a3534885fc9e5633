#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/collective/link_use.h>
#include <outrigger/comm/collective/plan.h>
#include <outrigger/comm/membership/probe.h>

namespace outrigger {

// What is known of one link, for people to read.
struct LinkFigures {
  std::uint32_t from = 0, to = 0;  // islands
  double bytes_per_s = 0;          // 0: not known
  bool from_round = false;         // of the rate: a round has measured it, no probe
  double rate_age_s = 0;
  double round_trip_s = 0;  // 0: not known; always a probe's
  double round_trip_age_s = 0;
};

// What the coordinator has learnt of the links between the islands, from the probes at join and the
// votes' samples, and what it plans from that. Not durable: after a restart the members tell their
// probes again and rounds measure anew; what a close says is in the journal. Pure, not thread-safe.
class LinkBook {
 public:
  explicit LinkBook(std::size_t islands);

  // Of the exchange of one round, or of its probe, as `island` saw it. What cannot be so is left
  // out; a probe's time counts as 1 ms at least.
  void measured(std::uint32_t island, std::span<const LinkUse> links, TimePoint at);
  void probed(std::uint32_t island, const LinkProbe& probe, TimePoint at);

  // All of these plan for `bytes` of one fragment, and stay with what is while a link between two
  // of the islands is not known, while nobody is kept busy for 0.1 s, and unless the slowest member
  // is faster by a tenth: below that it is noise. Rounds and probes are never compared with each
  // other: a round keeps all links busy at once.

  // The shares of these islands' shards (plan_shares), in their order; empty: equal. By rounds once
  // they have measured every link, before that by probes, if all of them reached their largest
  // message.
  std::vector<std::uint64_t> shares(std::span<const std::uint32_t> islands,
                                    const PlannedBytes& bytes) const;
  // The order of a ring (plan_ring) that now has this one.
  std::vector<std::uint32_t> ring(const std::vector<std::uint32_t>& present,
                                  const PlannedBytes& bytes) const;
  // Which of these islands is a star's hub (plan_hub), now that `present` is. By probes only: of a
  // star's rounds nobody but the hub measures anything. A single fast island among slow ones does
  // not show in them, as a pair is as slow as its slower end: it takes two.
  std::uint32_t hub(std::span<const std::uint32_t> islands, std::uint32_t present,
                    const PlannedBytes& bytes) const;

  // Every link of which something is known.
  std::vector<LinkFigures> figures(TimePoint now) const;

 private:
  struct Rate {
    double bytes = 0;
    double seconds = 0;
    TimePoint at;
    bool known() const { return bytes > 0; }
    double per_s() const { return known() ? bytes / seconds : 0; }
  };
  struct Link {
    Rate round;  // moving averages over rounds, in which a round counts half as much as the next
    Rate probe;
    double round_trip_s = 0;
    TimePoint round_trip_at;
  };

  Link& link(std::uint32_t from, std::uint32_t to) { return links_[from * islands_ + to]; }
  const Link& link(std::uint32_t from, std::uint32_t to) const {
    return links_[from * islands_ + to];
  }
  // Of every pair of these, both ways.
  bool all(std::span<const std::uint32_t> islands, bool (*has)(const Link&)) const;
  // Only up and down, from the rounds or the probes.
  Links capacities(std::span<const std::uint32_t> islands, Rate Link::*source) const;
  // Only rate and latency. Empty unless all rates are known.
  Links pairs(std::span<const std::uint32_t> islands) const;

  const std::size_t islands_;
  std::vector<Link> links_;  // from the row's island to the column's
};

}  // namespace outrigger
