#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace outrigger::test {

// Stands between a client and a server on loopback and can cut their connections. Thread-safe.
class TcpProxy {
 public:
  explicit TcpProxy(const std::string& target);
  ~TcpProxy();

  const std::string& address() const { return address_; }
  // Resets every connection that is open; new ones are taken as before.
  void cut();
  std::size_t connections() const { return connections_; }  // so far

 private:
  void accept_all();
  void pump(int from, int to);

  const std::string target_;
  int listener_ = -1;
  std::string address_;
  std::atomic<std::size_t> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::thread> pumps_;
  std::thread acceptor_;
};

}  // namespace outrigger::test
