#pragma once

#include <functional>
#include <memory>

#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// Joins members that are threads of one process. The same frames and the same rules as on a wire,
// without one: a message is copied once, from the sender's memory to the receiver's, by the thread
// that comes second. Thread-safe. May be destroyed before its transports.
class InProcessNetwork {
 public:
  // Alters bytes on their way, for tests.
  using Tamper = std::function<void(std::span<std::byte> bytes)>;

  explicit InProcessNetwork(Tamper frame = {}, Tamper payload = {});

  // REQUIRES: no other transport of this member is alive. A send to a member that has none fails as
  // Unavailable; destroying one fails, likewise, what others wait to receive from it.
  std::unique_ptr<Transport> transport(MemberId self);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace outrigger
