#include <algorithm>

#include <outrigger/comm/transport/nccl/clerk.h>

namespace outrigger {

void Clerk::post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  start();
}

void Clerk::cancel_at(Operation operation, TimePoint until) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  due_.push_back({until, std::move(operation)});
  start();
}

void Clerk::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void Clerk::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

// Outside the lock: what ends may have the clerk called.
std::vector<Clerk::Due> Clerk::look_at(std::vector<Due> due) {
  const TimePoint now = Clock::now();
  std::erase_if(due, [now](const Due& one) {
    if (one.until <= now) one.operation.cancel();
    return one.operation.done();
  });
  return due;
}

void Clerk::run() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (tasks_.empty() && due_.empty()) {
      changed_.wait(lock);
      continue;
    }
    TimePoint next = TimePoint::max();
    for (const Due& due : due_) next = std::min(next, due.until);
    if (tasks_.empty()) changed_.wait_until(lock, next);
    if (closed_) return;
    std::deque<std::function<void()>> tasks;
    std::vector<Due> due;
    tasks.swap(tasks_);
    due.swap(due_);
    lock.unlock();
    for (const auto& task : tasks) task();
    due = look_at(std::move(due));
    lock.lock();
    due_.insert(due_.end(), due.begin(), due.end());
  }
}

}  // namespace outrigger
