#include <outrigger/framework/bench/collective_wire.h>

#include <algorithm>
#include <deque>
#include <functional>

#include <fmt/format.h>

#include <outrigger/comm/transport/grpc.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>
#include <outrigger/comm/transport/nccl/payload_links.h>
#include <outrigger/optim/aggregate/mean.h>

namespace outrigger {
namespace {

constexpr std::size_t kMessageBytes = std::size_t{4} << 20;
constexpr std::size_t kUnderWay = 16;  // messages

MemberId id_of(std::size_t member) {
  return {static_cast<std::uint32_t>(member), 1, 0};
}

TimePoint deadline() {
  return Clock::now() + Socket::kPatience;
}

// Starts a message for every kMessageBytes of `bytes`, at most kUnderWay before the first of them
// has ended. Whatever happens, none is left pending.
Status in_messages(std::size_t bytes,
                   const std::function<Operation(std::uint32_t, std::size_t, std::size_t)>& start) {
  std::deque<Operation> under_way;
  Status status;
  const auto settle = [&] {
    if (const Status ended = under_way.front().wait(); status.ok()) status = ended;
    under_way.pop_front();
  };
  std::uint32_t index = 0;
  for (std::size_t at = 0; at < bytes && status.ok(); at += kMessageBytes) {
    if (under_way.size() == kUnderWay) settle();
    under_way.push_back(start(index++, at, std::min(kMessageBytes, bytes - at)));
  }
  if (!status.ok())
    for (const Operation& operation : under_way) operation.cancel();
  while (!under_way.empty()) settle();
  return status;
}

}  // namespace

Status check_wire(const WireOptions& options) {
  if (options.transport != "grpc" && options.transport != "nccl")
    return {
        Code::kInvalidArgument,
        fmt::format("--transport: there is no transport '{}' between processes; give grpc or nccl",
                    options.transport)};
  if (options.channels < 1 || options.channels > kMaxChannels)
    return {Code::kInvalidArgument, fmt::format("--channels: {} is out of range; give 1 to {}",
                                                options.channels, kMaxChannels)};
  return {};
}

Status check_machine_for(const WireOptions& options) {
  return options.transport == "nccl" ? check_nccl() : Status();
}

Result<std::unique_ptr<BenchWire>> BenchWire::open(Meeting& meeting, const WireOptions& options) {
  if (Status status = check_wire(options); !status.ok()) return status;
  const NcclOptions nccl{.warn = [](const std::string& text) { fmt::print(stderr, "{}\n", text); }};
  const auto links = payload_links(options.transport, nccl);
  if (!links.ok()) return links.status();
  Result<std::unique_ptr<GrpcTransport>> grpc =
      GrpcTransport::listen({.listen = options.listen,
                             .job = "bench",
                             .insecure = options.insecure,
                             .channels = options.channels});
  if (!grpc.ok()) return grpc.status().with_context("--listen");
  (*grpc)->set_self(id_of(meeting.member()));
  std::unique_ptr<Transport> transport = over_links(std::move(*grpc), *links, nccl);
  const auto addresses = meeting.gather(transport->address());
  if (!addresses.ok()) return addresses.status();
  for (std::size_t k = 0; k < addresses->size(); ++k) {
    if (k == meeting.member()) continue;
    const Status added = transport->add_peer(id_of(k), addresses->at(k));
    if (!added.ok()) return added;
  }
  return std::unique_ptr<BenchWire>(new BenchWire(std::move(transport), meeting.members()));
}

Result<Exchanged> BenchWire::exchange(const ExchangeCase& what,
                                      const std::shared_ptr<ByteBuffer>& own) {
  const MeanReducer mean;
  Exchange exchange;
  exchange.round = {0, round_++};
  exchange.attempt = {1, 1};
  for (std::size_t k = 0; k < members_; ++k) exchange.contributors.push_back(id_of(k));
  exchange.weights.assign(members_, 1);
  for (const std::size_t owner : what.owners) exchange.owners.push_back(id_of(owner));
  exchange.elements = what.elements;
  exchange.codec = what.codec;
  exchange.result_codec = what.result_codec;
  exchange.own = SharedBytes(own);
  exchange.buffers = what.buffers;
  exchange.staging = what.staging;
  std::optional<MemberId> failed_peer;
  return what.collective->run(*transport_, mean, exchange, deadline(), {}, failed_peer);
}

Status BenchWire::send(std::size_t to, const SharedBytes& bytes) {
  const std::uint32_t codec = (*find_codec("fp32"))->wire_id();
  const RoundId round{1, round_++};
  return in_messages(bytes.bytes.size(), [&](auto index, auto at, auto count) {
    return transport_->send(id_of(to), {round, {1, 1}, 0, index}, codec, count / sizeof(float),
                            bytes.slice(at, count), deadline());
  });
}

Status BenchWire::receive(std::size_t from, std::span<std::byte> bytes) {
  const std::uint32_t codec = (*find_codec("fp32"))->wire_id();
  const RoundId round{1, round_++};
  return in_messages(bytes.size(), [&](auto index, auto at, auto count) {
    return transport_->recv(id_of(from), {round, {1, 1}, 0, index}, {codec, count / sizeof(float)},
                            bytes.subspan(at, count), deadline());
  });
}

}  // namespace outrigger
