#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include <outrigger/comm/clock.h>

namespace outrigger {

// What deadlines and waiting go by where threads wait for each other: the steady clock, or a
// virtual time (virtual_time.h). Thread-safe.
class Timeline {
 public:
  virtual ~Timeline() = default;
  virtual TimePoint now() const = 0;
  // As a std::condition_variable's wait_until() and notify_all(). Whoever changes what `done` reads
  // calls notify() afterwards.
  virtual bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                          TimePoint deadline, const std::function<bool()>& done) = 0;
  virtual void notify(std::condition_variable& changed) = 0;
};

Timeline& steady_time();

}  // namespace outrigger
