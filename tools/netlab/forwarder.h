#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <outrigger/comm/status.h>

#include "netlab/plan.h"

namespace outrigger::netlab {

// Moves packets between the hosts' TUN devices through a Star, until its standard input ends. One
// thread; it owns the devices.
class Forwarder {
 public:
  // Makes the devices. FailedPrecondition says what this machine or its namespaces lack.
  static Result<std::unique_ptr<Forwarder>> open(const Plan& plan);

  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  ~Forwarder();

  // Returns at the end of standard input; else with what went wrong.
  Status run();

  // A line a host and direction on standard output.
  void print_counts() const;

 private:
  explicit Forwarder(const Plan& plan);
  Status watch();
  Status read_from(std::size_t host);
  void write_to(std::size_t host, const Packet& packet);
  void arm_timer();

  std::vector<int> devices_;
  int epoll_ = -1, timer_ = -1;
  // Apart from this object: its packets' buffers point at it.
  std::unique_ptr<Buffers> buffers_;
  Buffer spare_;  // what the next packet is read into
  Star star_;
  Instant armed_{-1};
  std::uint64_t foreign_ = 0;    // packets that are not IPv4
  std::uint64_t no_memory_ = 0;  // dropped for want of buffers
  std::uint64_t refused_ = 0;    // by the receiver's device
};

}  // namespace outrigger::netlab
