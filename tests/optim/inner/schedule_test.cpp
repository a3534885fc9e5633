#include <outrigger/optim/inner/schedule.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: in schedule.cpp, warm up with step / warmup.
TEST_CASE("the learning rate warms up in equal steps to the peak") {
  const ScheduleOptions options{.kind = ScheduleKind::kConstant, .warmup_steps = 4};
  CHECK(schedule_factor(options, 0, 100) == 0.25);
  CHECK(schedule_factor(options, 3, 100) == 1.0);
  CHECK(schedule_factor(options, 4, 100) == 1.0);
  CHECK(schedule_factor(options, 1000, 100) == 1.0);
}

// Mutation: in schedule.cpp, take the progress over total_steps instead of what follows the
// warm-up.
TEST_CASE("linear and cosine fall from the peak to the final fraction") {
  ScheduleOptions options{.kind = ScheduleKind::kLinear, .warmup_steps = 20, .final_fraction = 0.1};
  CHECK(schedule_factor(options, 20, 120) == 1.0);
  CHECK(schedule_factor(options, 70, 120) == Approx(0.55));
  CHECK(schedule_factor(options, 120, 120) == Approx(0.1));
  CHECK(schedule_factor(options, 500, 120) == Approx(0.1));
  options.kind = ScheduleKind::kCosine;
  CHECK(schedule_factor(options, 20, 120) == 1.0);
  CHECK(schedule_factor(options, 45, 120) == Approx(0.1 + 0.9 * 0.8535533906));
  CHECK(schedule_factor(options, 70, 120) == Approx(0.55));
  CHECK(schedule_factor(options, 500, 120) == Approx(0.1));
}

// Mutation: in schedule.cpp, divide by total_steps - warmup as it is.
TEST_CASE("a run that ends inside its warm-up has no fall") {
  const ScheduleOptions options{
      .kind = ScheduleKind::kLinear, .warmup_steps = 10, .final_fraction = 0.5};
  CHECK(schedule_factor(options, 4, 5) == 0.5);
  CHECK(schedule_factor(options, 10, 10) == 1.0);
  CHECK(schedule_factor(options, 11, 10) == 0.5);
}

// Mutation: in schedule_kind(), name linear "lineal".
TEST_CASE("schedules are found by name") {
  CHECK(schedule_kind("constant").value_or_throw() == ScheduleKind::kConstant);
  CHECK(schedule_kind("linear").value_or_throw() == ScheduleKind::kLinear);
  CHECK(schedule_kind("cosine").value_or_throw() == ScheduleKind::kCosine);
  CHECK(schedule_kind("cosin").status().message().find("cosine") != std::string::npos);
}
