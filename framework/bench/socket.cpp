#include <outrigger/framework/bench/socket.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace outrigger {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{20};

Status failure(Code code, const std::string& what) {
  return {code, fmt::format("{}: {}", what, std::strerror(errno))};
}

// Of a send or receive that returned `moved`: 0 is the end of the stream.
Status broken(ssize_t moved) {
  if (moved == 0) return {Code::kUnavailable, "the other side has closed the connection"};
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return {Code::kDeadlineExceeded,
            fmt::format("nothing moved for {} minutes", Socket::kPatience.count())};
  return failure(Code::kUnavailable, "the connection is gone");
}

Result<sockaddr_in> resolve(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  const int error = colon == std::string::npos
                        ? EAI_SERVICE
                        : ::getaddrinfo(address.substr(0, colon).c_str(),
                                        address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0)
    return Status(Code::kInvalidArgument,
                  fmt::format("'{}' is no address ({}); give HOST:PORT, as in 127.0.0.1:7070",
                              address, ::gai_strerror(error)));
  sockaddr_in resolved{};
  std::memcpy(&resolved, found->ai_addr, sizeof resolved);
  ::freeaddrinfo(found);
  return resolved;
}

void set_options(int fd) {
  const int on = 1;
  const timeval patience{std::chrono::seconds(Socket::kPatience).count(), 0};
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int new_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) set_options(fd);
  return fd;
}

}  // namespace

Result<Socket> Socket::listen(const std::string& address) {
  const Result<sockaddr_in> at = resolve(address);
  if (!at.ok()) return at.status();
  Socket socket(new_socket());
  const int on = 1;
  ::setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.fd_, reinterpret_cast<const sockaddr*>(&*at), sizeof *at) != 0 ||
      ::listen(socket.fd_, SOMAXCONN) != 0)
    return failure(Code::kResourceExhausted, "cannot listen on " + address);
  return socket;
}

Result<Socket> Socket::connect(const std::string& address, TimePoint deadline) {
  const Result<sockaddr_in> at = resolve(address);
  if (!at.ok()) return at.status();
  for (;;) {
    Socket socket(new_socket());
    if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&*at), sizeof *at) == 0)
      return socket;
    if (Clock::now() + kBetweenTries > deadline)
      return failure(Code::kUnavailable, "cannot connect to " + address);
    std::this_thread::sleep_for(kBetweenTries);
  }
}

Result<Socket> Socket::accept() const {
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0)
    return errno == EAGAIN ? Status(Code::kDeadlineExceeded, "nobody came to " + address())
                           : failure(Code::kUnavailable, "nobody could be let in");
  set_options(fd);
  return Socket(fd);
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

std::string Socket::address() const {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
  return fmt::format("{}:{}", text, ntohs(own.sin_port));
}

Status Socket::send(std::span<const std::byte> bytes, std::size_t step) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), std::min(step, bytes.size()), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return broken(sent);
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::size_t> Socket::receive_some(std::span<std::byte> bytes) const {
  for (;;) {
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return broken(got);
    return static_cast<std::size_t>(got);
  }
}

Status Socket::receive(std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const Result<std::size_t> got = receive_some(bytes);
    if (!got.ok()) return got.status();
    bytes = bytes.subspan(*got);
  }
  return {};
}

}  // namespace outrigger
