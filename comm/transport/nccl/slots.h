#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace outrigger {

// Lets so many in at once, in the order in which they came. Thread-safe.
class Slots {
 public:
  explicit Slots(std::uint64_t count) : free_from_(count) {}

  // Waits for its turn, and has a place until it is destroyed.
  class Hold {
   public:
    explicit Hold(Slots& slots) : slots_(slots) {
      std::unique_lock lock(slots_.mutex_);
      const std::uint64_t ticket = slots_.next_ticket_++;
      slots_.changed_.wait(lock, [&] { return ticket < slots_.free_from_; });
    }
    ~Hold() {
      const std::lock_guard lock(slots_.mutex_);
      ++slots_.free_from_;
      slots_.changed_.notify_all();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Slots& slots_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t free_from_;  // tickets below it may go in
};

}  // namespace outrigger
