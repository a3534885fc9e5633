#include <outrigger/comm/membership/probe.h>

#include <algorithm>

namespace outrigger {
namespace {

constexpr std::size_t kGrowth = 4;
constexpr double kLongest_s = 0.8;
// A round trip that was slower than the answer's leaves no less than this part of its time.
constexpr double kLeastPart = 0.125;

}  // namespace

std::size_t probe_slots(std::size_t members) {
  return members < 2 ? 0 : members - 1 + members % 2;
}

// The circle method: the last (or nobody, if they are odd in number) stays, the others turn.
std::optional<std::size_t> probe_partner(std::size_t members, std::size_t self, std::size_t slot) {
  const std::size_t turning = probe_slots(members);
  if (turning == 0) return std::nullopt;
  std::size_t partner = slot % turning;
  if (self != turning) {
    partner = (2 * partner + turning - self) % turning;
    if (partner == self) partner = turning;
  }
  return partner < members ? std::optional(partner) : std::nullopt;
}

std::optional<std::size_t> RateProbe::next() const {
  if (bytes_ == 0) return kSmallest;
  if (bytes_ == kLargest || busy_s_ * kGrowth > kLongest_s) return std::nullopt;
  return std::min(kGrowth * bytes_, kLargest);
}

void RateProbe::came(double seconds) {
  bytes_ = *next();
  busy_s_ = std::max(seconds - round_trip_s_, kLeastPart * seconds);
}

void RateProbe::tell(LinkProbe& probe) const {
  probe.bytes = bytes_;
  probe.busy_s = busy_s_;
}

}  // namespace outrigger
