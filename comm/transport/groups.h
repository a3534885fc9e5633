#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// One sum: of which attempt at a round, and among whom. No attempt has two.
struct GroupSum {
  RoundId round;
  AttemptId attempt;
  std::vector<MemberId> members;  // in any order, this one included
};

// What a transport can do for several members at once that no messages between two of them do as
// well. Thread-safe.
class Groups {
 public:
  virtual ~Groups() = default;

  // values <- their sum over all members, with the same bits at each; in which order a value is
  // summed is the transport's. All members call it with the same sum and equally many values.
  // Blocks until it is done, the deadline passes (DeadlineExceeded), stop is requested (Cancelled),
  // a member is lost or gives up (Unavailable) or a later attempt is known (Aborted); then the
  // others' calls end as well, and the values are unspecified. Ending a link that is of no more use
  // may take longer: over NCCL up to 5 s. failed_peer is set to the member
  // that a failure is known to come from, if it is one.
  virtual Status all_reduce(const GroupSum& sum, std::span<float> values, TimePoint deadline,
                            std::stop_token stop, std::optional<MemberId>& failed_peer) = 0;
};

// The least that each of `members` has to send for a sum of that many bytes: what is counted as
// sent, and as received, for the transport does not tell what it moved.
inline std::uint64_t all_reduce_bytes(std::size_t members, std::uint64_t bytes) {
  return 2 * (members - 1) * bytes / members;
}

}  // namespace outrigger
