#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace outrigger {

// Letters to insert, drop, change or swap with their neighbour to turn one word into the other
// (optimal string alignment: no letter is touched twice).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that a mistyped word probably meant; none if all are too far. '-' and '_' count as
// equal.
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates);

// The same for a recipe's dotted keys: the last part counts most, so `warmup` and `train.warmup`
// find `inner.schedule.warmup`.
std::optional<std::string> nearest_key(std::string_view name);

}  // namespace outrigger
