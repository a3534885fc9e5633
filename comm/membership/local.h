#pragma once

#include <memory>

#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/log_line.h>
#include <outrigger/comm/status.h>

namespace outrigger {

class CoordinatorHost;
class InProcessNetwork;

// A whole job inside one process: its coordinator, without a journal file, and the network that
// joins the members, which are threads (Session::join(LocalJob&, ...)). Must outlive their
// sessions.
class LocalJob {
 public:
  explicit LocalJob(CoordinatorConfig config, LogSink log = {});
  ~LocalJob();

  // Blocks until the job is over: Ok when all members have left, else why it ended.
  Status wait();

  const CoordinatorConfig& config() const { return config_; }
  CoordinatorHost& host() { return *host_; }
  InProcessNetwork& network() { return *network_; }

 private:
  CoordinatorConfig config_;
  std::unique_ptr<InProcessNetwork> network_;
  std::unique_ptr<CoordinatorHost> host_;
};

}  // namespace outrigger
