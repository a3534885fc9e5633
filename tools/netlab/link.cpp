#include "netlab/link.h"

#include <algorithm>
#include <cmath>

namespace outrigger::netlab {

std::optional<Instant> Link::send(std::uint64_t bytes, Instant now) {
  if (overflows(bytes, now)) {
    ++counts_.overflowed;
    return std::nullopt;
  }
  line_free_ = std::max(line_free_, now) + time_on_line(bytes);
  if (shape_.loss > 0 && uniform() < shape_.loss) {  // on the way: the line was busy with it
    ++counts_.lost;
    return std::nullopt;
  }
  ++counts_.packets;
  counts_.bytes += bytes;
  last_out_ = std::max(last_out_, line_free_ + way());
  return last_out_;
}

bool Link::overflows(std::uint64_t bytes, Instant now) const {
  if (shape_.bytes_per_second <= 0 || line_free_ <= now) return false;
  const double waiting =
      std::chrono::duration<double>(line_free_ - now).count() * shape_.bytes_per_second;
  return waiting + static_cast<double>(bytes) > static_cast<double>(shape_.queue_bytes);
}

std::chrono::nanoseconds Link::time_on_line(std::uint64_t bytes) const {
  if (shape_.bytes_per_second <= 0) return {};
  return Instant(std::llround(static_cast<double>(bytes) * 1e9 / shape_.bytes_per_second));
}

std::chrono::nanoseconds Link::way() {
  if (shape_.jitter.count() == 0) return shape_.delay;
  const double off = (2 * uniform() - 1) * static_cast<double>(shape_.jitter.count());
  return shape_.delay + Instant(std::llround(off));
}

// Not std::uniform_real_distribution: its numbers are each library's own.
double Link::uniform() {
  return static_cast<double>(random_() >> 11) * 0x1p-53;
}

}  // namespace outrigger::netlab
