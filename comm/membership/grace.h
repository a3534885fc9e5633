#pragma once

#include <algorithm>

#include <outrigger/comm/clock.h>

namespace outrigger {

// How long a member whose connection broke may take to come back before it counts as lost, and how
// long the coordinator waits for that evidence before it blames a peer for a failed exchange.
inline Duration reconnect_grace(Duration timeout_min) {
  return std::min<Duration>(timeout_min, std::chrono::seconds(2));
}

}  // namespace outrigger
