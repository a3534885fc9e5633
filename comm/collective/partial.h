#pragma once

#include <outrigger/comm/collective/exchange.h>

namespace outrigger {

// Reductions in steps, for reducers that are decomposable.

// check_exchange(), and Internal unless the reducer is; the recipe's check has said so before, with
// the keys.
Status check_decomposable(const Exchange& exchange, MemberId self, const Reducer& reducer,
                          std::string_view collective);

// The reduction of some contributions, encoded: they may now count as one.
struct Partial {
  std::span<const std::byte> bytes;
  const Codec* codec = nullptr;
  MemberId first;            // of its contributors
  std::uint64_t weight = 0;  // the sum of theirs
};

// out <- encode(reduce(decode(a), decode(b))) of one chunk, in `result_codec`. If both weigh
// nothing, it is a's values. Corruption and `bad` (0 for a, 1 for b) if one does not decode;
// Internal if the result is not finite.
Status merge(const Partial& a, const Partial& b, const Chunk& chunk, const Reducer& reducer,
             const Codec& result_codec, const Rounding& rounding, std::span<std::byte> out,
             int& bad);

}  // namespace outrigger
