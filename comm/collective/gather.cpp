#include <outrigger/comm/collective/gather.h>

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/exchange.h>

namespace outrigger {

const Codec& GatherCollective::result_codec(const Codec&) const {
  return **find_codec("fp32");
}

std::vector<std::uint64_t> GatherCollective::bytes_sent(const ExchangeSize& size) const {
  std::uint64_t message = 0;
  for (const Chunk& chunk : cut_chunks({0, size.elements}, {&size.codec, 1}))
    message += size.codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
  return std::vector<std::uint64_t>(size.members, (size.members - 1) * message);
}

Result<Exchanged> GatherCollective::run(Transport& transport, const Reducer& reducer,
                                        const Exchange& exchange, TimePoint deadline,
                                        std::stop_token stop,
                                        std::optional<MemberId>& failed_peer) const {
  const Status valid = check_exchange(exchange, transport.self());
  if (!valid.ok()) return valid;
  const MemberId self = transport.self();
  const auto others = others_of(exchange, self);
  const Exchanged result = empty_result(exchange, result_codec(*exchange.result_codec));
  Pipeline pipeline(transport, exchange, deadline, std::move(stop));
  const auto messages =
      messages_of(0, cut_chunks({0, exchange.elements}, {&exchange.codec, 1}), *exchange.codec);
  pipeline.receive(
      {.peers = others,
       .messages = messages,
       .take =
           [&](const ChunkMessage& message, const Arrived& arrived) {
             return aggregate_chunk(
                 exchange, self, bytes_of(*exchange.codec, exchange.own, message.chunk).bytes,
                 message.chunk, arrived.bytes, reducer, *result.codec,
                 bytes_of(*result.codec, std::span(*result.bytes), message.chunk), failed_peer);
           },
       .at_hand = true});
  for (const ChunkMessage& message : messages)
    for (const MemberId& peer : others)
      pipeline.send(peer, message, bytes_of(*exchange.codec, exchange.own, message.chunk));
  return run_pipeline(pipeline, result, failed_peer);
}

}  // namespace outrigger
