#pragma once

#include <cstdint>

#include <outrigger/optim/inner/schedule.h>

namespace outrigger {

// How the outer learning rate goes over a run, in rounds of one fragment: the warm-up is 1/w, 2/w,
// ..., 1; see optim/inner/schedule.h for the formulas. Its default is the constant of arXiv
// 2503.09799, section 3.
struct OuterSchedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  std::uint64_t warmup = 0;     // rounds
  double final_fraction = 0.1;  // of the peak, which linear and cosine end at; 0 to 1
  std::uint64_t rounds = 0;     // of each fragment in the whole run; constant does not need it
};

// The factor for OuterStep: a pure function of the round's number, which is shared truth, with the
// same bits on every machine.
double outer_lr_factor(const OuterSchedule& schedule, std::uint64_t round);

}  // namespace outrigger
