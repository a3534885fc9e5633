#pragma once

#include <cstdint>
#include <string_view>

#include <outrigger/comm/status.h>

namespace outrigger {

enum class ScheduleKind { kConstant, kLinear, kCosine };

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kCosine;
  std::int64_t warmup_steps = 0;
  double final_fraction = 0.0;  // of the peak, reached at the end of the run; 0 to 1
};

// "constant", "linear" or "cosine"; NotFound names them.
Result<ScheduleKind> schedule_kind(std::string_view name);

// The factor on the peak learning rate for the inner step that follows `step` finished ones of
// `total_steps`. A pure function of the run's position, so that a joiner or a resumed run goes on
// where the others are.
//   warm-up, step < w:  (step + 1) / w
//   after it, with p = min(1, (step - w) / (total_steps - w)) and f = final_fraction:
//     constant: 1        linear: 1 - (1 - f) p        cosine: f + (1 - f) (1 + cos(pi p)) / 2
// REQUIRES: step >= 0. Where total_steps <= w the run ends inside the warm-up.
double schedule_factor(const ScheduleOptions& options, std::int64_t step, std::int64_t total_steps);

}  // namespace outrigger
