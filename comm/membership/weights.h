#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace outrigger {

// How the coordinator weighs a round's contributors in the close.
enum class WeightRule {
  kTokens,        // the tokens behind each contribution; all 1 if nobody has any
  kSoftmaxNorms,  // exp(-norm), of the whole pseudo-gradient, in units of 2^-32 of the largest
};

// The integer weights, at least one of which is not 0. `norms` are the announced norms of the whole
// pseudo-gradients. They are computed here, once, and travel as integers, so that no two members'
// exp can differ (shared/protocol.md, "Modes").
std::vector<std::uint64_t> round_weights(WeightRule rule, std::span<const std::uint64_t> tokens,
                                         std::span<const double> norms);

}  // namespace outrigger
