#pragma once

#include <chrono>

namespace outrigger {

// The pure core never asks for the time: whoever runs it passes `now` in. Outside, `now` is the steady
// clock; in a simulation it is whatever the simulator says.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

inline double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace outrigger
