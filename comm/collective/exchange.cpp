#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/exchange.h>

namespace outrigger {
namespace {

bool contributes(const Exchange& exchange, MemberId member) {
  return std::ranges::find(exchange.contributors, member) != exchange.contributors.end();
}

Status defect(const Exchange& exchange, const std::string& what) {
  return {Code::kInternal,
          fmt::format("{} ({}): {}", to_string(exchange.round), to_string(exchange.attempt), what)};
}

std::string defect_of_shares(const Exchange& exchange) {
  if (exchange.shares.empty()) return {};
  if (exchange.shares.size() != exchange.owners.size())
    return fmt::format("{} shares for {} owners", exchange.shares.size(), exchange.owners.size());
  unsigned __int128 whole = 0;
  for (const std::uint64_t share : exchange.shares) whole += share;
  if (whole == 0) return "all shares are zero";
  return whole > std::numeric_limits<std::uint64_t>::max() ? "the shares' sum is above 2^64" : "";
}

}  // namespace

Status check_exchange(const Exchange& exchange, MemberId self) {
  if (!contributes(exchange, self))
    return defect(exchange, to_string(self) + " contributes nothing");
  if (exchange.weights.size() != exchange.contributors.size())
    return defect(exchange, fmt::format("{} weights for {} contributors", exchange.weights.size(),
                                        exchange.contributors.size()));
  if (!exchange.norms.empty() && exchange.norms.size() != exchange.contributors.size())
    return defect(exchange, fmt::format("norms of {} for {} contributors", exchange.norms.size(),
                                        exchange.contributors.size()));
  for (const std::vector<double>& norms : exchange.norms)
    if (norms.size() != exchange.norms.front().size())
      return defect(exchange, fmt::format("one contributor announced {} norms, another {}: their "
                                          "models differ",
                                          exchange.norms.front().size(), norms.size()));
  if (std::ranges::all_of(exchange.weights, [](std::uint64_t weight) { return weight == 0; }))
    return defect(exchange, "all weights are zero");
  for (const MemberId& owner : exchange.owners)
    if (!contributes(exchange, owner))
      return defect(exchange, to_string(owner) + " owns a shard but contributes nothing");
  if (const std::string wrong = defect_of_shares(exchange); !wrong.empty())
    return defect(exchange, wrong);
  if (!exchange.sites.empty() && exchange.sites.size() != exchange.contributors.size())
    return defect(exchange, fmt::format("{} sites for {} contributors", exchange.sites.size(),
                                        exchange.contributors.size()));
  if (exchange.own.bytes.size() != exchange.codec->encoded_bytes(exchange.elements))
    return defect(exchange, fmt::format("{} encoded bytes, {} expected", exchange.own.bytes.size(),
                                        exchange.codec->encoded_bytes(exchange.elements)));
  return {};
}

Exchange part_of(const Exchange& exchange, std::span<const std::size_t> places) {
  Exchange part = exchange;
  part.contributors.clear();
  part.weights.clear();
  part.norms.clear();
  part.owners.clear();
  part.shares.clear();
  part.sites.clear();
  for (const std::size_t k : places) {
    part.contributors.push_back(exchange.contributors[k]);
    part.weights.push_back(exchange.weights[k]);
    if (!exchange.norms.empty()) part.norms.push_back(exchange.norms[k]);
  }
  return part;
}

Exchanged empty_result(const Exchange& exchange, const Codec& codec) {
  Exchanged result;
  result.codec = &codec;
  result.bytes = exchange.buffers.take(codec.encoded_bytes(exchange.elements));
  return result;
}

std::vector<MemberId> others_of(const Exchange& exchange, MemberId self) {
  std::vector<MemberId> others = exchange.contributors;
  std::erase(others, self);
  return others;
}

std::vector<ChunkMessage> messages_of(std::uint32_t hop, std::span<const Chunk> chunks,
                                      const Codec& codec) {
  std::vector<ChunkMessage> messages;
  for (const Chunk& chunk : chunks) messages.push_back({hop, chunk, &codec});
  return messages;
}

Status aggregate_chunk(const Exchange& exchange, MemberId self, std::span<const std::byte> own,
                       const Chunk& chunk, std::span<const std::span<const std::byte>> arrived,
                       const Reducer& reducer, const Codec& result_codec, std::span<std::byte> out,
                       std::optional<MemberId>& failed_peer) {
  const Codec& codec = *exchange.codec;
  std::vector<std::span<const std::byte>> contributions(arrived.begin(), arrived.end());
  const auto at = std::ranges::find(exchange.contributors, self) - exchange.contributors.begin();
  contributions.insert(contributions.begin() + at, own);
  const Status status = aggregate(
      codec, contributions, {exchange.contributors, exchange.weights, exchange.norms, chunk.begin},
      reducer, result_codec, chunk.elements, out, exchange.rounding);
  if (status.code() != Code::kCorruption) return status;
  for (std::size_t k = 0; k < contributions.size(); ++k) {
    const Status decoded = check_encoded(codec, contributions[k], chunk.elements);
    if (decoded.ok()) continue;
    failed_peer = exchange.contributors[k];
    return decoded.with_context(to_string(exchange.contributors[k]));
  }
  return status;
}

Result<Exchanged> run_pipeline(Pipeline& pipeline, Exchanged result,
                               std::optional<MemberId>& failed_peer) {
  const Status status = pipeline.run();
  if (!status.ok()) {
    if (!failed_peer) failed_peer = pipeline.failed_peer();
    return status;
  }
  result.hash = hash128(*result.bytes);
  result.slowest = pipeline.slowest();
  result.bytes_sent = pipeline.bytes_sent();
  result.bytes_received = pipeline.bytes_received();
  result.links = pipeline.links();
  return result;
}

Status send_chunks(Transport& transport, const Exchange& exchange, std::uint32_t hop,
                   std::span<const MemberId> to, Exchanged& result, TimePoint deadline,
                   std::stop_token stop, std::optional<MemberId>& failed_peer) {
  Pipeline pipeline(transport, exchange, deadline, std::move(stop));
  const Codec* codecs[] = {result.codec};
  for (const ChunkMessage& message :
       messages_of(hop, cut_chunks({0, exchange.elements}, codecs), *result.codec))
    for (const MemberId& spectator : to)
      pipeline.send(spectator, message,
                    bytes_of(*result.codec, SharedBytes(result.bytes), message.chunk));
  const Status status = pipeline.run();
  result.bytes_sent += pipeline.bytes_sent();
  if (!status.ok()) failed_peer = pipeline.failed_peer();
  return status;
}

Result<Exchanged> receive_chunks(Transport& transport, const Exchange& exchange, std::uint32_t hop,
                                 MemberId from, const Codec& codec, TimePoint deadline,
                                 std::stop_token stop, std::optional<MemberId>& failed_peer) {
  Exchanged result = empty_result(exchange, codec);
  Pipeline pipeline(transport, exchange, deadline, std::move(stop));
  const Codec* codecs[] = {&codec};
  pipeline.receive({.peers = {from},
                    .messages = messages_of(hop, cut_chunks({0, exchange.elements}, codecs), codec),
                    .whole = result.bytes});
  return run_pipeline(pipeline, std::move(result), failed_peer);
}

}  // namespace outrigger
