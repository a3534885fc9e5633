#pragma once

#include <vector>

#include <outrigger/framework/bench/meeting.h>

namespace outrigger {

// Bytes one way from member 0 to member 1 over plain TCP connections: what the transport's payload
// path is measured against. Each connection carries an equal part and has a thread of its own.
class PlainTcp {
 public:
  // All members call it; 0 and 1 are connected. `host` is where member 1 listens.
  static Result<PlainTcp> open(Meeting& meeting, const std::string& host, std::size_t connections);

  Status send(std::span<const std::byte> bytes) const;
  Status receive(std::span<std::byte> bytes) const;

 private:
  std::vector<Socket> connections_;
};

}  // namespace outrigger
