#pragma once

#include <span>
#include <stop_token>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// One member's end of a link between all members of a group. Blocks, and ends, as a PairLink's
// calls do: within the deadline (DeadlineExceeded) and once stop is requested (Cancelled), and
// after a call that was not Ok the link is of no more use. One thread at a time. Destroying an end
// asks nothing of the others, whose calls then fail or reach their deadlines.
class GroupLink {
 public:
  virtual ~GroupLink() = default;
  // values <- their sum over all members, each sum in an order that is the link's own, with the
  // same bits at every member. All members call it equally often, with equally many values. After a
  // failure the values are unspecified.
  virtual Status all_reduce(std::span<float> values, TimePoint deadline,
                            const std::stop_token& stop) = 0;
};

}  // namespace outrigger
