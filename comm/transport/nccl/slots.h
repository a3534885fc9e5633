#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>

namespace outrigger {

// Lets so many in at once, in the order in which they came. Thread-safe.
class Slots {
 public:
  explicit Slots(std::uint64_t count) : free_(count) {}

  // Waits for its turn, and has a place until it is destroyed; none if stop is requested first.
  class Hold {
   public:
    Hold(Slots& slots, const std::stop_token& stop)
        : slots_(slots), has_place_(slots.enter(stop)) {}
    ~Hold() {
      if (has_place_) slots_.leave();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    bool has_place() const { return has_place_; }
    // Others wait: for this one, maybe.
    bool is_wanted() const { return slots_.waiting() > 0; }

   private:
    Slots& slots_;
    const bool has_place_;
  };

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  bool enter(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto ticket = waiting_.insert(next_ticket_++).first;
    const auto my_turn = [&] { return free_ > 0 && ticket == waiting_.begin(); };
    const bool is_in = changed_.wait(lock, stop, my_turn);
    waiting_.erase(ticket);
    if (is_in) --free_;
    changed_.notify_all();  // another may be the first now
    return is_in;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    ++free_;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t free_;
  std::uint64_t next_ticket_ = 0;
  std::set<std::uint64_t> waiting_;  // their tickets
};

}  // namespace outrigger
