#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// A plain TCP socket over IPv4, blocking, without Nagle's delay. What stands still for kPatience
// fails with DeadlineExceeded; a peer that has closed is Unavailable. Owns the descriptor. For one
// thread at a time.
class Socket {
 public:
  static constexpr std::chrono::minutes kPatience{10};

  // `address` is host:port; port 0 takes a free one.
  static Result<Socket> listen(const std::string& address);
  // Tries again until somebody listens there, or `deadline`.
  static Result<Socket> connect(const std::string& address, TimePoint deadline);
  Result<Socket> accept() const;

  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  int fd() const { return fd_; }
  std::string address() const;  // its own end
  // All of the bytes, in writes of at most `step`.
  Status send(std::span<const std::byte> bytes, std::size_t step) const;
  // Fills `bytes`.
  Status receive(std::span<std::byte> bytes) const;
  // As many as there are, at least one.
  Result<std::size_t> receive_some(std::span<std::byte> bytes) const;

 private:
  explicit Socket(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace outrigger
