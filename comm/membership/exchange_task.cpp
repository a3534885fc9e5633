#include <outrigger/comm/membership/exchange_task.h>

#include <algorithm>

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/exchange_operations.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

constexpr std::uint32_t kSpectatorHop = 2;  // after the collectives' hops

Exchange make_exchange(const ExchangeTask& task) {
  Exchange exchange;
  exchange.round = from_wire(task.close.round());
  exchange.attempt = from_wire(task.close.attempt());
  for (const auto& contributor : task.close.contributors()) {
    exchange.contributors.push_back(from_wire(contributor.member()));
    exchange.weights.push_back(contributor.weight());
    exchange.norms.emplace_back(contributor.norms().begin(), contributor.norms().end());
  }
  for (const auto& owner : task.close.owners()) exchange.owners.push_back(from_wire(owner));
  exchange.elements = task.contribution.elements;
  exchange.codec = task.contribution.codec;
  exchange.result_codec = task.contribution.result_codec;
  exchange.own = task.contribution.encoded;
  exchange.rounding = task.contribution.result_rounding;
  exchange.buffers = task.buffers;
  return exchange;
}

Status hand_on(Transport& transport, const ExchangeTask& task, Exchanged& result,
               std::stop_token stop, std::optional<MemberId>& failed_peer) {
  ExchangeOperations batch(task.deadline, std::move(stop));
  for (const auto& spectator : task.close.spectators()) {
    const Tag tag{from_wire(task.close.round()), from_wire(task.close.attempt()), kSpectatorHop, 0};
    const MemberId to = from_wire(spectator);
    batch.add(ExchangeOperations::kSends, to,
              transport.send(to, tag, result.codec->wire_id(), task.contribution.elements,
                             SharedBytes(result.bytes), task.deadline));
    result.bytes_sent += kFrameHeaderBytes + result.bytes->size();
  }
  const Status status = batch.wait(ExchangeOperations::kSends);
  if (!status.ok()) failed_peer = batch.failed_peer();
  return status;
}

Result<Exchanged> watch(Transport& transport, const ExchangeTask& task, const Codec& codec,
                        MemberId from, std::stop_token stop, std::optional<MemberId>& failed_peer) {
  Exchanged result;
  result.codec = &codec;
  result.bytes = task.buffers.take(codec.encoded_bytes(task.contribution.elements));
  const Tag tag{from_wire(task.close.round()), from_wire(task.close.attempt()), kSpectatorHop, 0};
  ExchangeOperations batch(task.deadline, std::move(stop));
  batch.add(ExchangeOperations::kFirstHop, from,
            transport.recv(from, tag, {codec.wire_id(), task.contribution.elements}, *result.bytes,
                           task.deadline));
  if (const Status status = batch.wait(ExchangeOperations::kFirstHop); !status.ok()) {
    failed_peer = batch.failed_peer();
    return status;
  }
  result.hash = hash128(*result.bytes);
  result.slowest = from;
  result.bytes_received = result.bytes->size();
  return result;
}

Result<Exchanged> exchange_or_watch(Transport& transport, const ExchangeTask& task,
                                    const Exchange& exchange, std::stop_token stop,
                                    std::optional<MemberId>& failed_peer) {
  const std::string topology =
      task.topology != "auto"
          ? task.topology
          : std::string(choose_collective(exchange.contributors.size(), *exchange.codec,
                                          *exchange.result_codec));
  const auto collective = find_collective(topology);
  if (!collective.ok()) return collective.status();
  const MemberId self = transport.self();
  const auto& contributors = exchange.contributors;
  if (std::find(contributors.begin(), contributors.end(), self) == contributors.end()) {
    return watch(transport, task, (*collective)->result_codec(*exchange.result_codec),
                 contributors.front(), stop, failed_peer);
  }
  auto result =
      (*collective)
          ->run(transport, *task.contribution.reducer, exchange, task.deadline, stop, failed_peer);
  if (!result.ok() || contributors.front() != self) return result;
  const Status status = hand_on(transport, task, *result, stop, failed_peer);
  if (!status.ok()) return status;
  return result;
}

}  // namespace

ExchangeReport run_exchange(Transport& transport, const ExchangeTask& task, std::stop_token stop) {
  const TimePoint begin = Clock::now();
  const Exchange exchange = make_exchange(task);
  std::optional<MemberId> failed_peer;
  auto result = exchange_or_watch(transport, task, exchange, stop, failed_peer);
  return {exchange.round, exchange.attempt, std::move(result), failed_peer,
          seconds(Clock::now() - begin)};
}

}  // namespace outrigger
