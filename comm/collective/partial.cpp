#include <outrigger/comm/collective/partial.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <outrigger/comm/codec/driver.h>

namespace outrigger {

Status check_decomposable(const Exchange& exchange, MemberId self, const Reducer& reducer,
                          std::string_view collective) {
  const Status valid = check_exchange(exchange, self);
  if (!valid.ok() || reducer.decomposable()) return valid;
  return {Code::kInternal,
          fmt::format("{} needs an aggregation rule that may be applied to a part of the "
                      "contributions first (a weighted mean)",
                      collective)};
}

Status merge(const Partial& a, const Partial& b, const Chunk& chunk, const Reducer& reducer,
             const Codec& result_codec, const Rounding& rounding, std::span<std::byte> out,
             int& bad) {
  alignas(64) std::array<float, kDriverBlock> values[2], reduced;
  const MemberId contributors[] = {a.first, b.first};
  const std::uint64_t weights[] = {a.weight, b.weight};
  const Partial* parts[] = {&a, &b};
  for (std::size_t offset = 0; offset < chunk.elements; offset += kDriverBlock) {
    const std::size_t count = std::min(kDriverBlock, chunk.elements - offset);
    std::span<const float> inputs[2];
    for (int k = 0; k < 2; ++k) {
      const std::span<float> into = std::span(values[k]).first(count);
      const Status status = decode_at(*parts[k]->codec, parts[k]->bytes, offset, into);
      if (!status.ok()) {
        bad = k;
        return status.with_context(to_string(parts[k]->first));
      }
      inputs[k] = into;
    }
    std::span<const float> result = inputs[0];
    if (a.weight != 0 || b.weight != 0) {
      const std::span<float> into = std::span(reduced).first(count);
      reducer.reduce({contributors, weights, {}, chunk.begin + offset}, inputs, into);
      result = into;
    }
    EncodeOptions options{.rounding = rounding};
    options.rounding.position += chunk.begin + offset;
    const bool finite = encode_each(
        result_codec, count,
        [&](std::size_t at, std::span<float> tile) {
          std::ranges::copy(result.subspan(at, tile.size()), tile.begin());
        },
        out.subspan(result_codec.encoded_bytes(offset), result_codec.encoded_bytes(count)),
        options);
    if (!finite)
      return {Code::kInternal, fmt::format("a partial mean is not finite among values {} to {}",
                                           chunk.begin + offset, chunk.begin + offset + count - 1)};
  }
  return {};
}

}  // namespace outrigger
