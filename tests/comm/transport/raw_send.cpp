#include "raw_send.h"

#include <sys/mman.h>

#include <fstream>

#include "members.h"

namespace outrigger::test {

RawSender::RawSender(const std::string& address, const Resending& resending)
    : stub_(std::make_shared<grpc::GenericStub>(
          grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {
  core_->resending = resending;
}

RawSender::~RawSender() {
  core_->calls->wait();
}

Operation RawSender::start(const Envelope& envelope, SharedBytes payload, double seconds) {
  const auto state = std::make_shared<Operation::State>(in(seconds), "sending raw");
  start_send(core_, stub_, envelope, std::move(payload), state);
  return Operation(state);
}

Status RawSender::send(const Envelope& envelope, std::span<const std::byte> payload) {
  return start(envelope, std::make_shared<const ByteBuffer>(payload.begin(), payload.end())).wait();
}

Envelope envelope_of(const Tag& tag, std::span<const std::byte> payload) {
  return {island(0), island(1), tag, write_frame(codec_id("fp32"), payload.size() / 4, payload),
          "test"};
}

SharedBytes zeros(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {{static_cast<const std::byte*>(memory), bytes},
          {memory, [bytes](void* mapped) { munmap(mapped, bytes); }}};
}

std::size_t resident_bytes() {
  if (OUTRIGGER_SANITIZED) return 0;
  std::ifstream status("/proc/self/statm");
  std::size_t pages = 0;
  status >> pages >> pages;
  return pages * 4096;
}

}  // namespace outrigger::test
