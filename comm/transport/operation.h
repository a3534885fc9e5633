#pragma once

#include <functional>
#include <memory>

#include <outrigger/comm/status.h>

namespace outrigger {

// A send or receive under way. A handle: copies share the operation. Every operation ends, once:
// done, its deadline passed, cancelled, or its peer lost. Thread-safe.
//
// The memory that a receive was given is the transport's until wait() has returned; a handle that
// is dropped without wait() leaves it so. Cancelling is a request: wait() still has to be called.
class Operation {
 public:
  struct State;

  Operation();  // already done, Ok
  explicit Operation(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static Operation failed(Status status);

  Status wait() const;
  bool done() const;
  void cancel() const;
  // Calls `hook` once when the operation ends, on the thread that ends it; at once if it has ended.
  void on_end(std::function<void(const Status&)> hook) const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace outrigger
