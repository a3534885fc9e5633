#include <fmt/format.h>

#include <outrigger/comm/transport/operation_state.h>

namespace outrigger {

Operation::State::State(TimePoint deadline, std::string what, Timeline& time)
    : time_(time), deadline_(deadline), what_(std::move(what)) {}

// The last handle may go on a thread of gRPC's, whose synchronisation TSan does not see.
Operation::State::~State() {
  std::lock_guard lock(mutex_);
}

bool Operation::State::end(Status status) {
  std::vector<Hook> hooks;
  {
    std::lock_guard lock(mutex_);
    if (status_) return false;
    status_ = status;
    hooks.swap(hooks_);
  }
  for (const Hook& hook : hooks) hook(status);
  {
    std::lock_guard lock(mutex_);
    settled_ = true;
  }
  time_.notify(ended_);
  return true;
}

bool Operation::State::touch(const std::function<void()>& use) {
  std::lock_guard lock(mutex_);
  if (status_) return false;
  use();
  return true;
}

void Operation::State::on_end(Hook hook) {
  Status status;
  {
    std::lock_guard lock(mutex_);
    if (!status_) {
      hooks_.push_back(std::move(hook));
      return;
    }
    status = *status_;
  }
  hook(status);
}

Status Operation::State::wait() {
  {
    std::unique_lock lock(mutex_);
    if (time_.wait_until(lock, ended_, deadline_, [&] { return settled_; })) return *status_;
  }
  end(deadline_passed());
  std::unique_lock lock(mutex_);
  time_.wait_until(lock, ended_, TimePoint::max(), [&] { return settled_; });
  return *status_;
}

bool Operation::State::done() {
  {
    std::lock_guard lock(mutex_);
    if (status_) return true;
  }
  if (time_.now() < deadline_) return false;
  end(deadline_passed());
  return true;
}

void Operation::State::blame(std::string what_is_slow) {
  std::lock_guard lock(mutex_);
  blamed_ = std::move(what_is_slow);
}

Status Operation::State::deadline_passed() {
  std::lock_guard lock(mutex_);
  return {Code::kDeadlineExceeded,
          fmt::format("{}: not done within {:.3g} s; {}", what_, seconds(deadline_ - begun_),
                      blamed_.empty() ? "the peer is slow, stopped or cut off" : blamed_)};
}

Operation::Operation() = default;

Operation Operation::failed(Status status) {
  auto state = std::make_shared<State>(TimePoint::max(), "");
  state->end(std::move(status));
  return Operation(std::move(state));
}

Status Operation::wait() const {
  return state_ ? state_->wait() : Status();
}

bool Operation::done() const {
  return !state_ || state_->done();
}

void Operation::cancel() const {
  if (state_) state_->end({Code::kCancelled, state_->what() + ": cancelled"});
}

void Operation::on_end(std::function<void(const Status&)> hook) const {
  if (state_)
    state_->on_end(std::move(hook));
  else
    hook(Status());
}

}  // namespace outrigger
