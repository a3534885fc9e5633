#pragma once

#include "comm/collective/cases.h"

namespace outrigger::test {

// What the members of nccl_test.cpp do, and what it compares them with.
inline constexpr std::size_t kSizes[] = {4, 4096, (1 << 20) + 4, 5000000};

inline Case nccl_case(std::size_t members) {
  return {members, 1000003, codec("int8"), codec("fp32")};
}

// What NCCL adds up: its order may be any, so of three members and more only the members' bits are
// compared with each other. The last values fill a window in part.
inline Case nccl_sum_case(std::size_t members, std::uint64_t round) {
  Case made(members, 1000003, codec("fp32"), codec("fp32"));
  made.exchange.round = {1, round};
  return made;
}

}  // namespace outrigger::test
