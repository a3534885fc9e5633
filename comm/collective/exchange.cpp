#include <algorithm>

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
  if (exchange.own.bytes.size() != exchange.codec->encoded_bytes(exchange.elements))
    return defect(exchange, fmt::format("{} encoded bytes, {} expected", exchange.own.bytes.size(),
                                        exchange.codec->encoded_bytes(exchange.elements)));
  return {};
}

Status aggregate_contributions(const Exchange& exchange,
                               std::span<const std::span<const std::byte>> contributions,
                               const Reducer& reducer, const Codec& result_codec,
                               std::size_t offset, std::size_t elements, std::span<std::byte> out,
                               std::optional<MemberId>& failed_peer) {
  const Status status = aggregate(*exchange.codec, contributions,
                                  {exchange.contributors, exchange.weights, exchange.norms, offset},
                                  reducer, result_codec, elements, out, exchange.rounding);
  if (status.code() != Code::kCorruption) return status;
  for (std::size_t k = 0; k < contributions.size(); ++k) {
    const Status decoded = check_encoded(*exchange.codec, contributions[k], elements);
    if (decoded.ok()) continue;
    failed_peer = exchange.contributors[k];
    return decoded.with_context(to_string(exchange.contributors[k]));
  }
  return status;
}

}  // namespace outrigger
