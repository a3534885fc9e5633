#include <outrigger/comm/collective/direct.h>

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/exchange.h>

namespace outrigger {

std::vector<std::uint64_t> direct_bytes(const ExchangeSize& size, std::size_t owners) {
  const Codec* codecs[] = {size.codec, size.result_codec};
  std::vector<std::uint64_t> sent(size.members, 0);
  const auto shards = cut_all_chunks(cut_shards(size.elements, owners), codecs);
  for (std::size_t owner = 0; owner < owners; ++owner)
    for (const Chunk& chunk : shards[owner]) {
      const std::uint64_t there = size.codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
      const std::uint64_t back =
          size.result_codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
      for (std::size_t member = 0; member < size.members; ++member)
        sent[member] += member == owner ? (size.members - 1) * back : there;
    }
  return sent;
}

std::vector<std::uint64_t> DirectCollective::bytes_sent(const ExchangeSize& size) const {
  return direct_bytes(size, size.members);
}

Result<Exchanged> DirectCollective::run(Transport& transport, const Reducer& reducer,
                                        const Exchange& exchange, TimePoint deadline,
                                        std::stop_token stop,
                                        std::optional<MemberId>& failed_peer) const {
  const Status valid = check_exchange(exchange, transport.self());
  if (!valid.ok()) return valid;
  if (exchange.owners.empty())
    return Status(Code::kInternal, to_string(exchange.round) + ": no shard has an owner");
  const MemberId self = transport.self();
  const Codec &codec = *exchange.codec, &result_codec = *exchange.result_codec;
  const auto others = others_of(exchange, self);
  const Exchanged result = empty_result(exchange, result_codec);
  Pipeline pipeline(transport, exchange, deadline, std::move(stop));
  const auto reduce = [&](const ChunkMessage& message, const Arrived& arrived) -> Status {
    const Chunk& chunk = message.chunk;
    const std::span<std::byte> out = bytes_of(result_codec, std::span(*result.bytes), chunk);
    const Status status =
        aggregate_chunk(exchange, self, bytes_of(codec, exchange.own, chunk).bytes, chunk,
                        arrived.bytes, reducer, result_codec, out, failed_peer);
    if (!status.ok()) return status;
    for (const MemberId& peer : others)
      pipeline.send(peer, {1, chunk, &result_codec}, {out, result.bytes});
    return {};
  };
  const Codec* codecs[] = {&codec, &result_codec};
  const auto shards = cut_all_chunks(
      cut_shards(exchange.elements, exchange.owners.size(), exchange.shares), codecs);
  for (std::size_t s = 0; s < shards.size(); ++s) {
    const MemberId owner = exchange.owners[s];
    if (owner == self) {
      pipeline.receive({.peers = others,
                        .messages = messages_of(0, shards[s], codec),
                        .take = reduce,
                        .at_hand = true});
      continue;
    }
    pipeline.receive({.peers = {owner},
                      .messages = messages_of(1, shards[s], result_codec),
                      .whole = result.bytes});
    for (const Chunk& chunk : shards[s])
      pipeline.send(owner, {0, chunk, &codec}, bytes_of(codec, exchange.own, chunk));
  }
  return run_pipeline(pipeline, result, failed_peer);
}

}  // namespace outrigger
