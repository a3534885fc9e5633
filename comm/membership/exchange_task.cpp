#include <outrigger/comm/membership/exchange_task.h>

#include <algorithm>
#include <limits>

#include <outrigger/comm/collective/exchange.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

constexpr std::uint32_t kSpectatorHop = std::numeric_limits<std::uint32_t>::max();

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
  exchange.shares.assign(task.close.shares().begin(), task.close.shares().end());
  for (const MemberId& contributor : exchange.contributors)
    if (contributor.island < task.sites.size())
      exchange.sites.push_back(task.sites[contributor.island]);
  exchange.buffers = task.buffers;
  exchange.staging = task.staging;
  return exchange;
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
    return receive_chunks(transport, exchange, kSpectatorHop, contributors.front(),
                          (*collective)->result_codec(*exchange.result_codec), task.deadline, stop,
                          failed_peer);
  }
  auto result =
      (*collective)
          ->run(transport, *task.contribution.reducer, exchange, task.deadline, stop, failed_peer);
  if (!result.ok() || contributors.front() != self || task.close.spectators().empty())
    return result;
  std::vector<MemberId> spectators;
  for (const auto& spectator : task.close.spectators()) spectators.push_back(from_wire(spectator));
  const Status status = send_chunks(transport, exchange, kSpectatorHop, spectators, *result,
                                    task.deadline, stop, failed_peer);
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
