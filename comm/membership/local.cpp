#include <outrigger/comm/membership/local.h>

#include <membership.pb.h>

#include <outrigger/comm/membership/host.h>
#include <outrigger/comm/transport/in_process.h>

namespace outrigger {

LocalJob::LocalJob(CoordinatorConfig config, LogSink log)
    : config_(std::move(config)), network_(std::make_unique<InProcessNetwork>()) {
  host_ = CoordinatorHost::start(config_, memory_journal(), std::move(log)).value_or_throw();
}

LocalJob::~LocalJob() = default;

Status LocalJob::wait() {
  return host_->wait();
}

}  // namespace outrigger
