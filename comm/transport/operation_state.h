#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/transport/operation.h>
#include <outrigger/comm/transport/timeline.h>

namespace outrigger {

// What the handles of one operation share, for the transports only. It ends once; the first end
// wins. The deadline needs no timer: whoever looks at the operation after it ends it. Thread-safe.
struct Operation::State {
 public:
  using Hook = std::function<void(const Status&)>;

  // `what` opens the messages: "receiving ... from island 1 (incarnation 3)".
  // `time` must outlive the operation.
  State(TimePoint deadline, std::string what, Timeline& time = steady_time());
  ~State();

  // Returns whether this call was the one that ended it. Runs the hooks, so hold no lock that they
  // take.
  bool end(Status status);

  // Calls `use` unless the operation has ended; returns whether it did. The caller's memory is
  // touched in here only: end() and wait() wait for `use`, so that nothing touches it once they
  // have returned. `use` must not call this operation. A send's memory is locked before a
  // receive's.
  bool touch(const std::function<void()>& use);

  // Called once when the operation ends, on the thread that ends it; at once if it has ended
  // already.
  void on_end(Hook hook);

  // Returns when the hooks have run, too: the transport knows nothing of the operation any more.
  Status wait();
  bool done();
  // What the message of a deadline that passes from now on blames; empty: the peer.
  void blame(std::string what_is_slow);
  TimePoint deadline() const { return deadline_; }
  const std::string& what() const { return what_; }

 private:
  Status deadline_passed();

  Timeline& time_;
  const TimePoint deadline_;
  const TimePoint begun_ = time_.now();
  const std::string what_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<Status> status_;
  std::string blamed_;
  bool settled_ = false;  // the hooks have run
  std::vector<Hook> hooks_;
};

}  // namespace outrigger
