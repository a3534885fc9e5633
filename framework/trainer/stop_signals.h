#pragma once

#include <csignal>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace outrigger {

// SIGINT, SIGTERM and SIGHUP as requests to stop with a checkpoint. The first one calls the
// handler, on a thread of this object's; with no handler set (nothing to save yet), and at the
// second signal, the process ends at once with 128 + the signal's number. Construct it before any
// other thread: it blocks the signals for all of them.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  using Handler = std::function<void(const std::string& why)>;
  void set_handler(
      Handler handler);  // an empty one takes it away; then no call is under way any more

 private:
  void wait_for_signals();

  sigset_t signals_;
  std::mutex mutex_;
  Handler handler_;
  bool asked_ = false;
  std::thread thread_;
};

}  // namespace outrigger
