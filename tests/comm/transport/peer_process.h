#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace outrigger::test {

// A real process with a GrpcTransport (peer_main.cpp): island 0 of job "test", which knows
// island 1. Killed by the destructor.
class PeerProcess {
 public:
  // `mode`: see peer_main.cpp. Returns when the process listens; it does nothing else before go().
  PeerProcess(const std::string& mode, const std::string& island_1_address);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  const std::string& address() const { return address_; }
  void go();
  void signal(int number) const;

 private:
  pid_t pid_ = 0;
  int to_child_ = -1, from_child_ = -1;
  std::string address_;
};

}  // namespace outrigger::test
