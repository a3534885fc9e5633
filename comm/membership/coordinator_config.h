#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/collective/plan.h>
#include <outrigger/comm/membership/weights.h>

namespace outrigger {

// What decides the bits of decode, aggregate and apply. Changes whenever any of those bits may
// change.
inline constexpr const char* kNumerics = "1: fp32 sums in closed order, no fused multiply-add";

enum class Policy { kStrict };  // all members, in every round; a loss ends the job

// What of a round's close follows what is known of the links. Of these only kRing changes which
// sums are formed; kShares and kHub change who forms them and encodes the result, and so its bits
// only if the islands' machines encode a codec differently (codec.h).
enum class LinkPlan {
  kNothing,  // equal shards, in the order of islands
  kShares,   // `direct`: the sizes of shards
  kRing,     // `ring`: the order of its members, on which the bits of its running means depend
  kHub,      // `star`: who is the hub
};

struct CoordinatorConfig {
  std::string job;
  Policy policy = Policy::kStrict;
  std::vector<std::string> islands;  // names, in order: a member's island is the index here
  std::uint32_t fragments = 1;
  WeightRule weights = WeightRule::kTokens;
  LinkPlan link_plan = LinkPlan::kShares;
  // One contribution and the result of a fragment in any unit, for which `link_plan` plans; 0:
  // nothing is planned.
  PlannedBytes planned{};
  bool replicas_differ = false;  // gossip: results are not compared, the chain counts rounds only
  // Fragment i's rounds are island i's alone: each closes when it is announced, and all others get
  // its bytes.
  bool asynchronous = false;
  std::string recipe;                // resolved; a member must bring the same text
  std::string numerics = kNumerics;  // likewise
  // How long a member may be silent, or away after its connection broke, before it counts as lost,
  // and how long the coordinator waits for that evidence before it blames a peer for a failed
  // exchange.
  Duration timeout_min = std::chrono::seconds(5);
  Duration timeout_max = std::chrono::minutes(10);
  Duration heartbeat = std::chrono::seconds(1);
  bool new_life =
      false;  // the job starts over from a checkpoint: what the journal has of it is void
};

}  // namespace outrigger
