#pragma once

#include <memory>
#include <string>

#include <outrigger/comm/transport/grpc_core.h>

namespace outrigger::test {

// A sender that says whatever it is told to, over a connection of its own.
class RawSender {
 public:
  explicit RawSender(const std::string& address, const Resending& resending = {});
  ~RawSender();  // waits for its sends

  Operation start(const Envelope& envelope, SharedBytes payload, double seconds = 30);
  Status send(const Envelope& envelope, std::span<const std::byte> payload);

 private:
  const std::shared_ptr<GrpcCore> core_ = std::make_shared<GrpcCore>();
  const std::shared_ptr<grpc::GenericStub> stub_;
};

// Of island 0, to island 1, of job "test", with a frame header for that payload in fp32.
Envelope envelope_of(const Tag& tag, std::span<const std::byte> payload);

// So many zeros that take no memory.
SharedBytes zeros(std::size_t bytes);

// What this process holds in memory now; 0 under a sanitizer, most of whose memory is its own.
std::size_t resident_bytes();

}  // namespace outrigger::test
