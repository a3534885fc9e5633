#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include <outrigger/comm/transport/timeline.h>

namespace outrigger {

// A time that passes only while all its threads wait: then it is, at once, the time of the next
// event or deadline. So a deadline of an hour costs nothing, and what is computed takes no time.
// Begins at TimePoint{}. Thread-safe; must outlive whatever goes by it.
class VirtualTime : public Timeline {
 public:
  // One more thread, for as long as it holds what this returns. Time stands still while one of them
  // does anything but wait here. REQUIRES: who waits holds one. Take them for all threads before
  // the first one runs, or time passes without the others.
  std::shared_ptr<const void> thread();

  // Calls `event` at that time (at once: when all wait), of equal times in the order of the calls,
  // on one of the threads that wait and under no lock.
  void at(TimePoint when, std::function<void()> event);

  TimePoint now() const override;
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                  TimePoint deadline, const std::function<bool()>& done) override;
  void notify(std::condition_variable& changed) override;

 private:
  std::uint64_t news() const;
  void sleep(std::uint64_t seen, TimePoint deadline);
  void advance(std::unique_lock<std::mutex>& lock, TimePoint to);
  void wake();

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  TimePoint now_{};
  std::uint64_t news_ = 0;  // how often something has happened that all have to look at
  bool advancing_ = false;  // runs a time's events: the others hear of them when all have run
  std::size_t threads_ = 0;
  std::size_t asleep_ = 0;                      // threads that have looked since
  TimePoint next_deadline_ = TimePoint::max();  // of those
  std::multimap<TimePoint, std::function<void()>> events_;
};

}  // namespace outrigger
