#include <outrigger/comm/membership/deadlines.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/membership/median.h>

namespace outrigger {

Deadlines::Deadlines(std::string what, Duration floor, Duration ceiling)
    : what_(std::move(what)), floor_(std::min(floor, ceiling)), ceiling_(ceiling), told_(ceiling) {}

void Deadlines::measured(Duration duration) {
  recent_.push_back(duration);
  if (recent_.size() > kWindow) recent_.pop_front();
}

Duration Deadlines::timeout() const {
  if (recent_.size() < kNeeded) return ceiling_;
  const Duration middle = median_of<Duration>({recent_.begin(), recent_.end()});
  std::vector<Duration> distances;
  for (const Duration value : recent_) distances.push_back(std::chrono::abs(value - middle));
  return std::clamp(2 * middle + 20 * median_of(std::move(distances)), floor_, ceiling_);
}

std::string Deadlines::news() {
  const Duration now = timeout();
  if (std::chrono::abs(now - told_) * 4 <= told_) return {};
  told_ = now;
  return fmt::format("time-out of {} is now {:.3g} s (from {} measured, at most {:.3g} s)", what_,
                     seconds(now), recent_.size(), seconds(ceiling_));
}

}  // namespace outrigger
