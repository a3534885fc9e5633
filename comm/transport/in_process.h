#pragma once

#include <functional>
#include <memory>

#include <outrigger/comm/transport/transport.h>
#include <outrigger/comm/transport/virtual_time.h>

namespace outrigger {

// Joins members that are threads of one process. The same frames and the same rules as on a wire,
// without one: a message is copied once, from the sender's memory to the receiver's, by the thread
// that comes second. Thread-safe. May be destroyed before its transports.
class InProcessNetwork {
 public:
  // Alters bytes on their way, for tests.
  using Tamper = std::function<void(std::span<std::byte> bytes)>;

  explicit InProcessNetwork(Tamper frame = {}, Tamper payload = {});

  // One way between two members. It carries one message after the other, in the order of the sends.
  struct Link {
    Duration latency{};
    double bytes_per_s = 0;  // of payload and frame headers; 0: no limit
  };
  // By virtual time, which must outlive the network, its transports and their operations. A message
  // arrives when its last byte has: only then can it be refused, and its sender hears of it another
  // latency later. A link does not notice that nobody receives: what has arrived waits at the
  // receiver, and leaves the link to the next. `link` is asked at every message, from any thread.
  InProcessNetwork(VirtualTime& time, std::function<Link(MemberId from, MemberId to)> link);

  // REQUIRES: no other transport of this member is alive. A send to a member that has none fails as
  // Unavailable; destroying one fails, likewise, what others wait to receive from it.
  std::unique_ptr<Transport> transport(MemberId self);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace outrigger
