#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include <outrigger/comm/clock.h>

namespace outrigger {

// A time-out that follows what is measured, so that nobody has to guess one. Pure.
//
//   timeout = clamp(2 median + 20 MAD, floor, ceiling)   MAD: median of |x - median|
//
// over the last 32 measured durations; the ceiling until three are there. The median and the MAD
// are not moved by one slow round, as a mean would be.
class Deadlines {
 public:
  Deadlines(std::string what, Duration floor, Duration ceiling);

  void measured(Duration duration);
  Duration timeout() const;

  // A line for the log if the time-out has moved by more than a quarter since the last such line;
  // else "".
  std::string news();

  static constexpr std::size_t kWindow = 32;
  static constexpr std::size_t kNeeded = 3;

 private:
  std::string what_;
  Duration floor_, ceiling_;
  Duration told_;
  std::deque<Duration> recent_;
};

}  // namespace outrigger
