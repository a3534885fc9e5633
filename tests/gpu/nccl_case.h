#pragma once

#include "comm/collective/cases.h"

namespace outrigger::test {

// What the members of nccl_test.cpp do, and what it compares them with.
inline constexpr std::size_t kSizes[] = {4, 4096, (1 << 20) + 4, 5000000};

inline Case nccl_case(std::size_t members) {
  return {members, 1000003, codec("int8"), codec("fp32")};
}

}  // namespace outrigger::test
