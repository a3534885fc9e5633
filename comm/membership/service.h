#pragma once

#include <memory>
#include <optional>
#include <string>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/journal.h>
#include <outrigger/comm/membership/log_line.h>
#include <outrigger/comm/status.h>

namespace outrigger {

struct ServiceOptions {
  std::string listen = "127.0.0.1:0";  // host:port; port 0 takes a free one
  bool insecure = false;               // needed off loopback until TLS exists
};

// The coordinator as a gRPC server: one bidirectional stream a member (membership.proto). It owns
// the coordinator's host and journal and their threads. Destroying it hangs up on all members, in
// bounded time.
class CoordinatorService {
 public:
  // InvalidArgument off loopback without `insecure`; ResourceExhausted if the port is taken; the
  // journal's error if it cannot be read.
  static Result<std::unique_ptr<CoordinatorService>> start(CoordinatorConfig config,
                                                           std::unique_ptr<Journal> journal,
                                                           const ServiceOptions& options,
                                                           LogSink log = {});
  ~CoordinatorService();

  std::string address() const;  // host:port, with the real port

  // Blocks until the job is over: Ok when all members have left, else why it ended.
  Status wait();
  // The island at fault for the job's end, by its name; nothing if no member is.
  std::optional<std::string> culprit() const;

 private:
  class Impl;
  explicit CoordinatorService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace outrigger
