#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>

#include "netlab/star.h"

namespace outrigger::netlab {

// What netlab.py asks of the forwarder, one item a line, up to the line `end`:
//
//   seed NUMBER
//   segments                  no super-packets: the hosts send single segments, and each can be
//   lost host NAMESPACE ADDRESS BYTES_PER_SECOND DELAY_NS JITTER_NS LOSS QUEUE_BYTES
struct Plan {
  struct Host {
    std::string name_space;  // a network namespace's name, as `ip netns` has it
    Star::Host in_star;
  };
  std::uint64_t seed = 1;
  bool segments = false;
  std::vector<Host> hosts;
};

// InvalidArgument names the line and what is wrong with it.
Result<Plan> read_plan(std::istream& lines);

}  // namespace outrigger::netlab
