#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

std::uint64_t Timetable::launched(std::uint32_t fragment, std::uint64_t step) const {
  const std::uint64_t offset = (fragment + 1) * every_ / fragments_;
  // Launches happen at kH + offset - tau >= 1; the first k's that fall before step 1 do not count.
  const std::uint64_t skipped = offset > delay_ ? 0 : (delay_ - offset) / every_ + 1;
  if (step + delay_ < offset) return 0;
  const std::uint64_t reached = (step + delay_ - offset) / every_ + 1;
  return reached > skipped ? reached - skipped : 0;
}

Boundary Timetable::at(std::uint64_t step) const {
  Boundary boundary;
  if (step == 0) return boundary;
  for (std::uint32_t p = 0; p < fragments_; ++p) {
    if (launched(p, step) > launched(p, step - 1)) boundary.launches.push_back(p);
    if (step <= delay_) continue;
    if (launched(p, step - delay_) > launched(p, step - delay_ - 1)) boundary.applies.push_back(p);
  }
  return boundary;
}

}  // namespace outrigger
