#include <outrigger/comm/transport/virtual_time.h>

#include <algorithm>

namespace outrigger {

std::shared_ptr<const void> VirtualTime::thread() {
  const std::lock_guard lock(mutex_);
  ++threads_;
  return {this, [](VirtualTime* self) {
            const std::lock_guard gone(self->mutex_);
            --self->threads_;
            self->wake();  // the others may be all that are left
          }};
}

void VirtualTime::at(TimePoint when, std::function<void()> event) {
  const std::lock_guard lock(mutex_);
  events_.emplace(when, std::move(event));
}

TimePoint VirtualTime::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool VirtualTime::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable&,
                             TimePoint deadline, const std::function<bool()>& done) {
  for (;;) {
    const std::uint64_t seen = news();
    if (done()) return true;
    if (now() >= deadline) return false;
    lock.unlock();
    sleep(seen, deadline);
    lock.lock();
  }
}

void VirtualTime::notify(std::condition_variable&) {
  const std::lock_guard lock(mutex_);
  wake();
}

std::uint64_t VirtualTime::news() const {
  const std::lock_guard lock(mutex_);
  return news_;
}

// Returns when there is something to look at.
void VirtualTime::sleep(std::uint64_t seen, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  if (news_ != seen) return;
  ++asleep_;
  next_deadline_ = std::min(next_deadline_, deadline);
  const TimePoint event = events_.empty() ? TimePoint::max() : events_.begin()->first;
  const TimePoint next = std::min(next_deadline_, event);
  if (asleep_ == threads_ && next < TimePoint::max()) return advance(lock, next);
  woken_.wait(lock, [&] { return news_ != seen; });
}

// The events first, also those that they add for this time, and the others sleep until all have
// run: what comes at its deadline has come.
void VirtualTime::advance(std::unique_lock<std::mutex>& lock, TimePoint to) {
  --asleep_;
  now_ = std::max(now_, to);
  advancing_ = true;
  while (!events_.empty() && events_.begin()->first <= now_) {
    const auto event = std::move(events_.extract(events_.begin()).mapped());
    lock.unlock();
    event();
    lock.lock();
  }
  advancing_ = false;
  wake();
}

void VirtualTime::wake() {
  if (advancing_) return;
  ++news_;
  asleep_ = 0;
  next_deadline_ = TimePoint::max();
  woken_.notify_all();
}

}  // namespace outrigger
