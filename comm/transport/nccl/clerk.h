#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/transport/operation.h>

namespace outrigger {

// A thread for what nobody waits for: sends answers, and cancels the operations that nobody looks
// at any more once their time has come. Thread-safe.
class Clerk {
 public:
  ~Clerk() { close(); }
  // Runs it soon; not once closed.
  void post(std::function<void()> task);
  // Cancels the operation at `until` unless it has ended by then.
  void cancel_at(Operation operation, TimePoint until);
  // Ends the thread; what has not run does not.
  void close();

 private:
  struct Due {
    TimePoint until;
    Operation operation;
  };
  void run();
  void start();                                           // REQUIRES: mutex_ is held
  static std::vector<Due> look_at(std::vector<Due> due);  // those that are left

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<Due> due_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace outrigger
