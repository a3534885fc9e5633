#include <outrigger/optim/outer/schedule.h>

namespace outrigger {

double outer_lr_factor(const OuterSchedule& schedule, std::uint64_t round) {
  const ScheduleOptions options{.kind = schedule.kind,
                                .warmup_steps = static_cast<std::int64_t>(schedule.warmup),
                                .final_fraction = schedule.final_fraction};
  return schedule_factor(options, static_cast<std::int64_t>(round),
                         static_cast<std::int64_t>(schedule.rounds));
}

}  // namespace outrigger
