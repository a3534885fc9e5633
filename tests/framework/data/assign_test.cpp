#include <outrigger/framework/data/assign.h>

#include <random>
#include <vector>

#include "support/catch.h"

using namespace outrigger;

// Mutation: part(): `size % members` -> 0 (the last samples go to nobody).
TEST_CASE("assign: the members' samples are disjoint and together the steps' samples") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t members = 1 + random() % 9;
    const std::int64_t batch = random() % 40;
    const std::int64_t first = random() % 1000;
    const std::int64_t last = first + random() % 12;
    std::vector<int> times(static_cast<std::size_t>((last - first) * batch), 0);
    for (std::int64_t step = first; step < last; ++step)
      for (std::int64_t member = 0; member < members; ++member) {
        const SampleRange range = part(samples_of_step(step, batch), members, member);
        for (std::int64_t sample = range.begin; sample < range.end; ++sample)
          ++times.at(static_cast<std::size_t>(sample - first * batch));
      }
    for (int count : times) REQUIRE(count == 1);
  }
}

// Mutation: part(): `member < larger` -> `member >= members - larger`.
TEST_CASE("assign: the first members get the samples that do not divide") {
  CHECK(part({100, 111}, 4, 0) == SampleRange{100, 103});
  CHECK(part({100, 111}, 4, 1) == SampleRange{103, 106});
  CHECK(part({100, 111}, 4, 2) == SampleRange{106, 109});
  CHECK(part({100, 111}, 4, 3) == SampleRange{109, 111});
  CHECK(part({5, 7}, 3, 2) == SampleRange{7, 7});
}

// Mutation: samples_of_step(): `(step + 1) * batch` -> `step * batch + 1`.
TEST_CASE("assign: step t of a job with batch B takes samples tB to (t+1)B") {
  CHECK(samples_of_step(0, 32) == SampleRange{0, 32});
  CHECK(samples_of_step(7, 32) == SampleRange{224, 256});
}
