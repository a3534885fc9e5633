#include <outrigger/framework/bench/usage.h>

#include <vector>

#include "support/catch.h"

namespace outrigger {
namespace usage_test {

constexpr std::size_t kBytes = std::size_t{64} << 20;

void take_and_free() {
  std::vector<char> memory(kBytes);
  for (std::size_t at = 0; at < kBytes; at += 4096) static_cast<volatile char&>(memory[at]) = 1;
}

}  // namespace usage_test
using namespace usage_test;

// Mutation: peak_over_start reads VmRSS (what is held now); the watch does not reset the peak.
TEST_CASE("usage: a watch sees memory that was taken and freed, and none from before it") {
  take_and_free();
  const MemoryWatch watch;
  REQUIRE(watch.peak_over_start());
  CHECK(*watch.peak_over_start() < kBytes / 2.0);
  take_and_free();
  CHECK(*watch.peak_over_start() > kBytes * 0.9);
}

// Mutation: leave the user's part out (the test takes for ever).
TEST_CASE("usage: the CPU's seconds grow with work") {
  const double before = cpu_seconds();
  while (cpu_seconds() < before + 0.01) continue;
  CHECK(cpu_seconds() < before + 60);
}

}  // namespace outrigger
