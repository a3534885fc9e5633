#include <outrigger/comm/collective/all_reduce.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/exchange.h>
#include <outrigger/comm/collective/gather.h>
#include <outrigger/comm/transport/groups.h>

namespace outrigger {
namespace {

const Codec& fp32() {
  return **find_codec("fp32");
}

Status unusable(const char* what) {
  return {Code::kFailedPrecondition, fmt::format("all_reduce {}, or another comm.topology", what)};
}

// values <- factor * the encoded ones. From +0, as a sum in the closed order begins: a -0 alone
// would stay.
Status multiply(std::span<const std::byte> encoded, float factor, std::span<float> values) {
  return decode_each(fp32(), encoded, values.size(),
                     [&](std::size_t offset, std::span<const float> own) {
                       for (std::size_t i = 0; i < own.size(); ++i)
                         values[offset + i] = factor == 0 ? 0 : 0.0F + factor * own[i];
                     });
}

// Returns whether all are finite then.
bool divide(std::span<float> values, float divisor) {
  const auto fill = [&](std::size_t offset, std::span<float> tile) {
    for (std::size_t i = 0; i < tile.size(); ++i) tile[i] = values[offset + i] / divisor;
  };
  return encode_each(fp32(), values.size(), fill, std::as_writable_bytes(values));
}

}  // namespace

const Codec& AllReduceCollective::result_codec(const Codec&) const {
  return fp32();
}

std::vector<std::uint64_t> AllReduceCollective::bytes_sent(const ExchangeSize& size) const {
  return std::vector<std::uint64_t>(
      size.members, all_reduce_bytes(size.members, fp32().encoded_bytes(size.elements)));
}

Result<Exchanged> AllReduceCollective::run(Transport& transport, const Reducer& reducer,
                                           const Exchange& exchange, TimePoint deadline,
                                           std::stop_token stop,
                                           std::optional<MemberId>& failed_peer) const {
  const MemberId self = transport.self();
  if (const Status valid = check_exchange(exchange, self); !valid.ok()) return valid;
  Groups* const groups = transport.groups();
  if (groups == nullptr) return unusable("is NCCL's: take comm.transport nccl");
  if (exchange.codec != &fp32()) return unusable("sums plain fp32: take sync.codec fp32");
  const std::optional<WeightedSum> sum = reducer.as_sum(exchange.weights);
  if (!sum) return unusable("forms weighted means only: take sync.aggregate mean or uniform");
  const auto& members = exchange.contributors;
  if (members.size() == 1)
    return GatherCollective().run(transport, reducer, exchange, deadline, stop, failed_peer);

  Exchanged result = empty_result(exchange, fp32());
  const std::span values(reinterpret_cast<float*>(result.bytes->data()), exchange.elements);
  const auto place = std::ranges::find(members, self) - members.begin();
  const float factor = sum->factors[static_cast<std::size_t>(place)];
  Status status = multiply(exchange.own.bytes, factor, values);
  if (status.ok())
    status = groups->all_reduce({exchange.round, exchange.attempt, members}, values, deadline, stop,
                                failed_peer);
  if (!status.ok()) return status;
  if (!divide(values, sum->divisor))
    return Status(Code::kInternal,
                  fmt::format("the mean of {} contributions is not finite", members.size()));
  result.hash = hash128(*result.bytes);
  result.bytes_sent = result.bytes_received =
      all_reduce_bytes(members.size(), result.bytes->size());
  return result;
}

}  // namespace outrigger
