#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <outrigger/comm/names.h>

namespace outrigger {

// The pure part of measuring links when the islands meet: who measures with whom, how much is sent,
// and what the times say. prober.h sends.

// What a member has measured of the link from a peer. A rate is measured with no exchange of its
// own under way, and over gRPC only: NCCL's rates come from rounds.
struct LinkProbe {
  MemberId peer;
  std::uint64_t bytes = 0;  // that came from the peer in busy_s; 0: not known
  double busy_s = 0;
  double round_trip_s = 0;  // of a few bytes; 0: not known
};

// A round-robin tournament: after probe_slots(members) slots all have met, and in a slot nobody
// meets two, so that pairs do not share a member's own link.
std::size_t probe_slots(std::size_t members);
// Whom the member in this place meets in this slot; nobody once in each round of an odd number.
std::optional<std::size_t> probe_partner(std::size_t members, std::size_t self, std::size_t slot);

// How much to ask a peer for, and what its answers say of the rate. Four times as much each time,
// while the answer is expected within 0.8 s and up to kLargest: so a link of 10 Mbit/s is held for
// 0.3 s, one that answers the first 64 KiB in more than 0.2 s for just those, however long they
// take, and a fast one sends enough to tell its rate from its delay. TCP has not always reached a
// long link's rate by then: it is a lower bound.
class RateProbe {
 public:
  static constexpr std::size_t kSmallest = std::size_t{64} << 10;
  static constexpr std::size_t kLargest = std::size_t{4} << 20;

  explicit RateProbe(double round_trip_s) : round_trip_s_(round_trip_s) {}

  std::optional<std::size_t> next() const;  // bytes
  // All of next() has come, so long after it was asked for.
  void came(double seconds);
  // Into `probe`: the last answer's, which is the largest; its time without the round trip of the
  // question.
  void tell(LinkProbe& probe) const;

 private:
  const double round_trip_s_;
  std::size_t bytes_ = 0;
  double busy_s_ = 0;
};

}  // namespace outrigger
