#include <outrigger/optim/inner/schedule.h>

#include <fmt/format.h>

#include <algorithm>
#include <numbers>

namespace outrigger {
namespace {

// (1 + cos(pi p)) / 2 = 1 - sin(pi p / 2)^2 for 0 <= p <= 1, by the sine's series: one machine's
// std::cos may differ from another's in the last bit, and the outer schedule must not.
double half_cosine(double p) {
  const double x = std::numbers::pi * p / 2, square = x * x;
  double series = 1;
  for (int n = 10; n >= 1; --n) series = 1 - square / (2 * n * (2 * n + 1)) * series;
  const double sine = std::min(1.0, x * series);
  return 1 - sine * sine;
}

}  // namespace

Result<ScheduleKind> schedule_kind(std::string_view name) {
  if (name == "constant") return ScheduleKind::kConstant;
  if (name == "linear") return ScheduleKind::kLinear;
  if (name == "cosine") return ScheduleKind::kCosine;
  return Status(Code::kNotFound,
                fmt::format("there is no schedule '{}'; there are constant, linear, cosine", name));
}

double schedule_factor(const ScheduleOptions& options, std::int64_t step,
                       std::int64_t total_steps) {
  const std::int64_t warmup = options.warmup_steps;
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double length = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup));
  const double progress = std::min(1.0, static_cast<double>(step - warmup) / length);
  const double fall = 1.0 - options.final_fraction;
  switch (options.kind) {
    case ScheduleKind::kConstant:
      return 1.0;
    case ScheduleKind::kLinear:
      return 1.0 - fall * progress;
    case ScheduleKind::kCosine:
      return options.final_fraction + fall * half_cosine(progress);
  }
  return 1.0;
}

}  // namespace outrigger
