#pragma once

#include <cstdint>

#include <outrigger/comm/names.h>

namespace outrigger {

// How the link from a peer did in one exchange, while this member waited for what the peer had
// ready from the start. The first message is left out: its time is also the peer's lateness.
struct LinkUse {
  MemberId peer;
  std::uint64_t bytes = 0;
  double busy_s = 0;
};

}  // namespace outrigger
