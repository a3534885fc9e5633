#pragma once

#include <signal.h>

#include <optional>

namespace outrigger {

// While it lives, SIGINT, SIGTERM and SIGHUP arrive on a descriptor instead of ending the process,
// and SIGPIPE is ignored. A signal that was ignored before stays ignored (nohup, a shell's
// background job). Make it before any other thread starts, so that all threads inherit the mask.
// One at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int fd() const { return fd_; }  // readable when a signal has come
  std::optional<int> take();      // the next signal, if one has come

 private:
  int fd_ = -1;
  sigset_t mask_before_;
  struct sigaction pipe_before_;
};

}  // namespace outrigger
