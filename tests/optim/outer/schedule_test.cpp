#include <outrigger/optim/outer/schedule.h>

#include <cmath>
#include <numbers>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in OuterSchedule, let the kind be cosine by default.
TEST_CASE("the outer learning rate is constant unless told otherwise") {
  for (const std::uint64_t round : {0, 1, 1000}) CHECK(outer_lr_factor({}, round) == 1);
}

// Mutation: in outer_lr_factor, leave the warm-up out.
TEST_CASE("the outer learning rate warms up in rounds, also with no end in sight") {
  const OuterSchedule schedule{.warmup = 4};
  CHECK(outer_lr_factor(schedule, 0) == 0.25);
  CHECK(outer_lr_factor(schedule, 3) == 1);
  CHECK(outer_lr_factor(schedule, 99) == 1);
}

// Mutation: in half_cosine, start the series at n = 3.
TEST_CASE("the outer cosine is the cosine to the last bits, without the library's") {
  const OuterSchedule schedule{
      .kind = ScheduleKind::kCosine, .warmup = 10, .final_fraction = 0.2, .rounds = 1010};
  CHECK(outer_lr_factor(schedule, 10) == 1);
  for (std::uint64_t round = 10; round <= 1100; ++round) {
    const double p = std::min(1.0, static_cast<double>(round - 10) / 1000);
    const double expected = 0.2 + 0.8 * (1 + std::cos(std::numbers::pi * p)) / 2;
    REQUIRE(std::abs(outer_lr_factor(schedule, round) - expected) < 1e-15);
  }
  CHECK(outer_lr_factor({.kind = ScheduleKind::kCosine, .final_fraction = 0, .rounds = 5}, 5) >= 0);
}

// Mutation: in outer_lr_factor, leave the final fraction out.
TEST_CASE("the outer linear schedule falls to its final fraction") {
  const OuterSchedule schedule{.kind = ScheduleKind::kLinear, .final_fraction = 0.5, .rounds = 10};
  CHECK(outer_lr_factor(schedule, 5) == Approx(0.75));
  CHECK(outer_lr_factor(schedule, 10) == Approx(0.5));
  CHECK(outer_lr_factor(schedule, 11) == Approx(0.5));
}

}  // namespace
}  // namespace outrigger
