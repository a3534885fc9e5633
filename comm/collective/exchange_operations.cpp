#include <outrigger/comm/collective/exchange_operations.h>

namespace outrigger {

ExchangeOperations::ExchangeOperations(TimePoint deadline, std::stop_token stop)
    : deadline_(deadline), stop_(std::move(stop)) {}

ExchangeOperations::~ExchangeOperations() {
  cancel();
  for (const Operation& operation : operations_) (void)operation.wait();
}

void ExchangeOperations::add(Group group, MemberId peer, Operation operation) {
  {
    std::lock_guard lock(shared_->mutex);
    ++shared_->pending[group];
  }
  operation.on_end([shared = shared_, group, peer](const Status& status) {
    {
      std::lock_guard lock(shared->mutex);
      --shared->pending[group];
      shared->last[group] = peer;
      if (shared->failure.ok() && !status.ok()) {
        shared->failure = status;
        if (status.code() != Code::kCancelled) shared->failed_peer = peer;
      }
    }
    shared->changed.notify_all();
  });
  operations_.push_back(std::move(operation));
}

Status ExchangeOperations::wait(Group group) {
  const TimePoint begin = Clock::now();
  const std::stop_callback on_stop(stop_, [this] { cancel(); });
  {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_until(
        lock, deadline_, [&] { return shared_->pending[group] == 0 || !shared_->failure.ok(); });
  }
  waited_[group] += Clock::now() - begin;
  if (Clock::now() >= deadline_)
    for (const Operation& operation : operations_) (void)operation.done();
  std::lock_guard lock(shared_->mutex);
  return shared_->failure;
}

std::optional<MemberId> ExchangeOperations::failed_peer() const {
  std::lock_guard lock(shared_->mutex);
  return shared_->failed_peer;
}

std::optional<MemberId> ExchangeOperations::slowest() const {
  std::lock_guard lock(shared_->mutex);
  const auto &first = shared_->last[kFirstHop], &second = shared_->last[kSecondHop];
  if (!first || !second) return first ? first : second;
  return waited_[kSecondHop] > waited_[kFirstHop] ? second : first;
}

void ExchangeOperations::cancel() const {
  for (const Operation& operation : operations_) operation.cancel();
}

}  // namespace outrigger
