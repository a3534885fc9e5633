#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <membership.pb.h>

#include <outrigger/comm/status.h>

namespace outrigger {

class CoordinatorHost;

// A member's way to its coordinator. The member's state machine says when to connect; connections
// are numbered by it. Calls return at once. `Events` are called on other threads, never from within
// a call, and no more once the link is destroyed, which waits for the callbacks under way.
class Link {
 public:
  struct Events {
    std::function<void(std::uint64_t connection, v1::CoordinatorMessage)> received;
    std::function<void(std::uint64_t connection, const std::string& why)>
        broken;  // once a connection
  };

  virtual ~Link() = default;
  virtual void open(std::uint64_t connection) = 0;  // instead of the present one
  virtual void send(
      const v1::MemberMessage& message) = 0;  // on the present one; lost if it is broken
  virtual void close() = 0;
};

// Over gRPC to host:port. InvalidArgument off loopback without `insecure`.
Result<std::unique_ptr<Link>> make_grpc_link(const std::string& address, bool insecure,
                                             Link::Events events);

// To a coordinator in this process, which must outlive the link.
std::unique_ptr<Link> make_local_link(CoordinatorHost& host, Link::Events events);

}  // namespace outrigger
