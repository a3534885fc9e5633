#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outrigger/comm/transport/in_process.h>
#include <outrigger/comm/transport/nccl/nccl_transport.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger::test {

using Transports = std::vector<std::unique_ptr<Transport>>;

// Islands 0 to count - 1 in incarnation 1, all known to each other, on an "in_process", "grpc" or
// "nccl" transport: the last with links in memory.
Transports make_members(const std::string& kind, std::size_t count);
Transports make_members(InProcessNetwork& network, std::size_t count);
// NCCL's with these links, under control transports of the kind.
Transports make_nccl_members(const std::string& control, const std::shared_ptr<LinkMaker>& links,
                             std::size_t count, const NcclOptions& options = {});

MemberId island(std::uint32_t index, std::uint64_t incarnation = 1);
TimePoint in(double seconds);
Tag tag(std::uint32_t shard, std::uint64_t round = 0, std::uint64_t attempt = 1);
std::uint32_t codec_id(std::string_view name);
// Bytes that depend on their place and on `seed`.
std::vector<std::byte> pattern(std::size_t bytes, unsigned seed = 1);

// Operations on fp32 payloads, whose elements follow from the bytes.
Operation send(Transport& from, MemberId to, const Tag& tag, std::span<const std::byte> payload,
               double seconds = 30);
Operation recv(Transport& to, MemberId from, const Tag& tag, std::span<std::byte> dest,
               double seconds = 30);

}  // namespace outrigger::test
