#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace outrigger::netlab {

// Time since any one start: the forwarder's is the monotonic clock's, a test makes its own.
using Instant = std::chrono::nanoseconds;

// One direction of a host's link.
struct LinkShape {
  double bytes_per_second = 0;  // 0: no limit
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds jitter{0};  // at most `delay`; a packet takes delay +- jitter, uniformly
  double loss = 0;                     // of every packet, 0 to 1
  std::uint64_t queue_bytes = 0;  // that may wait for the line; a limit only where there is a rate
};

// One direction of a link as a router has it: a bounded queue with tail drop, a line that takes the
// time that a packet's bytes need, then the way to the other end. Order is kept. No clock, no I/O:
// what it does is a function of its seed and of the calls. Not thread-safe.
class Link {
 public:
  struct Counts {
    std::uint64_t packets = 0, bytes = 0;  // that came out at the far end, or will
    std::uint64_t lost = 0;
    std::uint64_t overflowed = 0;
  };

  Link(const LinkShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {}

  // When a packet that arrives at `now` comes out at the far end; nothing where it is dropped. Any
  // packet enters an empty queue, also one larger than the queue. REQUIRES: `now` never goes back.
  std::optional<Instant> send(std::uint64_t bytes, Instant now);

  const Counts& counts() const { return counts_; }

 private:
  bool overflows(std::uint64_t bytes, Instant now) const;
  std::chrono::nanoseconds time_on_line(std::uint64_t bytes) const;
  std::chrono::nanoseconds way();
  double uniform();  // at least 0, below 1

  LinkShape shape_;
  std::mt19937_64 random_;
  Instant line_free_{0};  // when the line has sent what it was given
  Instant last_out_{0};
  Counts counts_;
};

}  // namespace outrigger::netlab
