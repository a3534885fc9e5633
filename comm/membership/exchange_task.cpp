#include <outrigger/comm/membership/exchange_task.h>

#include <algorithm>

#include <fmt/format.h>

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
  }
  for (const auto& owner : task.close.owners()) exchange.owners.push_back(from_wire(owner));
  exchange.elements = task.contribution.elements;
  exchange.codec = task.contribution.codec;
  exchange.result_codec = task.contribution.result_codec;
  exchange.own = *task.contribution.encoded;
  return exchange;
}

// Waits for all; the first failure cancels the others.
Status wait_all(const std::vector<Operation>& operations, std::stop_token stop) {
  const auto cancel = [&] {
    for (const Operation& operation : operations) operation.cancel();
  };
  const std::stop_callback on_stop(stop, cancel);
  Status first;
  for (const Operation& operation : operations) {
    const Status status = operation.wait();
    if (status.ok() || !first.ok()) continue;
    first = status;
    cancel();
  }
  return first;
}

Status hand_on(Transport& transport, const ExchangeTask& task, const Exchanged& result,
               std::stop_token stop) {
  std::vector<Operation> sends;
  for (const auto& spectator : task.close.spectators()) {
    const Tag tag{from_wire(task.close.round()), from_wire(task.close.attempt()), kSpectatorHop, 0};
    sends.push_back(transport.send(from_wire(spectator), tag, result.codec->wire_id(),
                                   task.contribution.elements, result.bytes, task.deadline));
  }
  return wait_all(sends, stop);
}

Result<Exchanged> watch(Transport& transport, const ExchangeTask& task, const Codec& codec,
                        MemberId from, std::stop_token stop) {
  Exchanged result;
  result.codec = &codec;
  result.bytes.resize(codec.encoded_bytes(task.contribution.elements));
  const Tag tag{from_wire(task.close.round()), from_wire(task.close.attempt()), kSpectatorHop, 0};
  const Operation recv = transport.recv(from, tag, {codec.wire_id(), task.contribution.elements},
                                        result.bytes, task.deadline);
  if (const Status status = wait_all({recv}, stop); !status.ok()) return status;
  result.hash = hash128(result.bytes);
  result.slowest = from;
  result.bytes_received = result.bytes.size();
  return result;
}

Result<Exchanged> exchange_or_watch(Transport& transport, const ExchangeTask& task,
                                    const Exchange& exchange, std::stop_token stop) {
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
                 contributors.front(), stop);
  }
  auto result =
      (*collective)->run(transport, *task.contribution.reducer, exchange, task.deadline, stop);
  if (!result.ok() || contributors.front() != self) return result;
  if (const Status status = hand_on(transport, task, *result, stop); !status.ok()) return status;
  return result;
}

}  // namespace

ExchangeReport run_exchange(Transport& transport, const ExchangeTask& task, std::stop_token stop) {
  const TimePoint begin = Clock::now();
  const Exchange exchange = make_exchange(task);
  ExchangeReport report{exchange.round, exchange.attempt,
                        exchange_or_watch(transport, task, exchange, stop), std::nullopt, 0};
  report.exchange_s = seconds(Clock::now() - begin);
  if (report.result.ok()) return report;
  // A failure's Status names the peer in its text.
  const std::string text = report.result.status().message();
  std::vector<MemberId> others = exchange.contributors;
  for (const auto& spectator : task.close.spectators()) others.push_back(from_wire(spectator));
  for (const MemberId& member : others) {
    if (member != transport.self() && text.find(to_string(member)) != std::string::npos) {
      report.peer = member;
    }
  }
  return report;
}

}  // namespace outrigger
