#include <outrigger/comm/transport/grpc_calls.h>

namespace outrigger {

void GrpcCalls::wait() {
  closing_.request_stop();
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return count_ == 0; });
}

GrpcCalls::Counted::Counted(std::shared_ptr<GrpcCalls> calls) : calls_(std::move(calls)) {
  const std::lock_guard lock(calls_->mutex_);
  ++calls_->count_;
}

GrpcCalls::Counted::~Counted() {
  const std::lock_guard lock(calls_->mutex_);
  if (--calls_->count_ == 0) calls_->none_left_.notify_all();
}

}  // namespace outrigger
