#include "members.h"

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/transport/grpc.h>

#include "memory_links.h"

namespace outrigger::test {

MemberId island(std::uint32_t index, std::uint64_t incarnation) {
  return {index, incarnation, 0};
}

TimePoint in(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Tag tag(std::uint32_t shard, std::uint64_t round, std::uint64_t attempt) {
  return {{0, round}, {1, attempt}, 0, shard};
}

std::uint32_t codec_id(std::string_view name) {
  return (*find_codec(name))->wire_id();
}

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed) {
  std::vector<std::byte> out(bytes);
  std::uint32_t state = seed * 2654435761U + 1;
  for (std::byte& byte : out) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24);
  }
  return out;
}

Operation send(Transport& from, MemberId to, const Tag& tag, std::span<const std::byte> payload,
               double seconds) {
  const auto copy = std::make_shared<const ByteBuffer>(payload.begin(), payload.end());
  return from.send(to, tag, codec_id("fp32"), payload.size() / 4, copy, in(seconds));
}

Operation recv(Transport& to, MemberId from, const Tag& tag, std::span<std::byte> dest,
               double seconds) {
  return to.recv(from, tag, {codec_id("fp32"), dest.size() / 4}, dest, in(seconds));
}

namespace {

Transports introduced(Transports all) {
  for (const auto& one : all)
    for (const auto& other : all)
      if (one != other) throw_if_error(one->add_peer(other->self(), other->address()));
  return all;
}

Transports strangers(const std::string& kind, std::size_t count) {
  InProcessNetwork network;
  Transports all;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (kind == "in_process") {
      all.push_back(network.transport(island(i)));
      continue;
    }
    auto transport = GrpcTransport::listen({.job = "test"}).value_or_throw();
    transport->set_self(island(i));
    all.push_back(std::move(transport));
  }
  return all;
}

}  // namespace

Transports make_members(InProcessNetwork& network, std::size_t count) {
  Transports all;
  for (std::uint32_t i = 0; i < count; ++i) all.push_back(network.transport(island(i)));
  return introduced(std::move(all));
}

Transports make_members(const std::string& kind, std::size_t count) {
  if (kind == "nccl")
    return make_nccl_members("in_process", std::make_shared<MemoryLinks>(), count);
  return introduced(strangers(kind, count));
}

Transports make_nccl_members(const std::string& control, const std::shared_ptr<LinkMaker>& links,
                             std::size_t count, const NcclOptions& options) {
  Transports all = strangers(control, count);
  for (auto& one : all) one = std::make_unique<NcclTransport>(std::move(one), links, options);
  return introduced(std::move(all));
}

}  // namespace outrigger::test
