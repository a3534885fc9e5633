#include <outrigger/comm/collective/exchange.h>
#include <outrigger/comm/collective/exchange_operations.h>
#include <outrigger/comm/collective/gather.h>

namespace outrigger {

const Codec& GatherCollective::result_codec(const Codec&) const {
  return **find_codec("fp32");
}

Result<Exchanged> GatherCollective::run(Transport& transport, const Reducer& reducer,
                                        const Exchange& exchange, TimePoint deadline,
                                        std::stop_token stop,
                                        std::optional<MemberId>& failed_peer) const {
  const Status valid = check_exchange(exchange, transport.self());
  if (!valid.ok()) return valid;
  const std::size_t members = exchange.contributors.size();
  const Tag tag{exchange.round, exchange.attempt, 0, 0};
  const Expected expected{exchange.codec->wire_id(), exchange.elements};

  Exchanged result;
  std::vector<std::shared_ptr<ByteBuffer>> staging(
      members);  // outlives the batch, which writes to it
  std::vector<std::span<const std::byte>> contributions(members);
  ExchangeOperations batch(deadline, std::move(stop));
  for (std::size_t k = 0; k < members; ++k) {
    const MemberId peer = exchange.contributors[k];
    contributions[k] = exchange.own.bytes;
    if (peer == transport.self() || exchange.elements == 0) continue;
    staging[k] = exchange.buffers.take(exchange.own.bytes.size());
    contributions[k] = *staging[k];
    batch.add(ExchangeOperations::kFirstHop, peer,
              transport.recv(peer, tag, expected, *staging[k], deadline));
    batch.add(ExchangeOperations::kSends, peer,
              transport.send(peer, tag, expected.codec, expected.elements, exchange.own, deadline));
    result.bytes_sent += kFrameHeaderBytes + exchange.own.bytes.size();
    result.bytes_received += kFrameHeaderBytes + exchange.own.bytes.size();
  }
  const auto wait = [&](ExchangeOperations::Group group) {
    const Status ended = batch.wait(group);
    if (!ended.ok()) failed_peer = batch.failed_peer();
    return ended;
  };
  Status status = wait(ExchangeOperations::kFirstHop);
  if (!status.ok()) return status;

  result.codec = &result_codec(*exchange.result_codec);
  result.bytes = exchange.buffers.take(result.codec->encoded_bytes(exchange.elements));
  status = aggregate_contributions(exchange, contributions, reducer, *result.codec, 0,
                                   exchange.elements, *result.bytes, failed_peer);
  if (status.ok()) status = wait(ExchangeOperations::kSends);
  if (!status.ok()) return status;
  result.hash = hash128(*result.bytes);
  result.slowest = batch.slowest();
  return result;
}

}  // namespace outrigger
