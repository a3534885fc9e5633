#pragma once

#include <cmath>
#include <numeric>

#include <outrigger/optim/aggregate/aggregation.h>

#include "support/catch.h"

namespace outrigger {

using Vector = std::vector<float>;

// One round as a driver runs it: announce the norms, weigh, reduce in blocks, take the result's
// norms, settle, scale. Islands are numbered in the order of `inputs`.
struct RuleRound {
  std::vector<Vector> inputs = {};
  std::vector<std::uint64_t> weights = {};  // empty: by the rule's weights(), with equal tokens
  Borders borders = {};                     // empty: one tensor
  std::vector<double> statistics = {};      // empty: at their start; brought up to date
  std::vector<MemberId> contributors = {};  // empty: islands 0, 1, ...
};

struct RuleResult {
  Vector reduced, scaled;
  Judgement judgement;
  std::vector<std::vector<double>> norms;  // as announced
};

inline double norm_of(std::span<const float> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

// Laid out like an announcement.
inline std::vector<double> norms_of(std::span<const float> values, const Borders& borders) {
  std::vector<double> norms = {norm_of(values)};
  for (std::size_t t = 0; t + 1 < borders.size(); ++t)
    norms.push_back(norm_of(values.subspan(borders[t], borders[t + 1] - borders[t])));
  return norms;
}

// In blocks of `first`, then of `block` values.
inline Vector reduce_in_blocks(const Reducer& reducer, const RuleRound& round,
                               const std::vector<std::vector<double>>& norms, std::size_t first,
                               std::size_t block) {
  Vector out(round.inputs[0].size(), NAN);
  for (std::size_t begin = 0, size = first; begin < out.size(); begin += size, size = block) {
    const std::size_t count = std::min(size, out.size() - begin);
    std::vector<std::span<const float>> inputs;
    for (const Vector& input : round.inputs)
      inputs.push_back(std::span(input).subspan(begin, count));
    reducer.reduce({round.contributors, round.weights, norms, begin}, inputs,
                   std::span(out).subspan(begin, count));
  }
  return out;
}

inline RuleResult run_rule(const Aggregation& rule, RuleRound& round) {
  const std::size_t islands = round.inputs.size(), elements = round.inputs[0].size();
  if (round.borders.empty()) round.borders = {0, elements};
  if (round.statistics.empty()) round.statistics.resize(rule.statistics(islands), 0);
  if (round.contributors.empty())
    for (std::uint32_t k = 0; k < islands; ++k) round.contributors.push_back({k, 7, 0});

  RuleResult result;
  std::vector<double> whole;
  for (const Vector& input : round.inputs) {
    result.norms.push_back(norms_of(input, round.borders));
    whole.push_back(result.norms.back()[0]);
  }
  if (round.weights.empty())
    round.weights = round_weights(rule.weights(), std::vector<std::uint64_t>(islands, 640), whole);

  const auto reducer = rule.reducer(round.borders, round.statistics);
  result.reduced = reduce_in_blocks(*reducer, round, result.norms, elements, elements);
  // However it is cut, the bits are the same.
  CHECK(reduce_in_blocks(*reducer, round, result.norms, 3, 7) == result.reduced);
  CHECK(reduce_in_blocks(*reducer, round, result.norms, 1, 1) == result.reduced);

  std::vector<double> result_norms;
  if (rule.needs_result_norms()) result_norms = norms_of(result.reduced, round.borders);
  result.judgement = rule.settle({round.contributors, round.weights, result.norms, round.borders},
                                 result_norms, round.statistics);

  result.scaled = result.reduced;
  const Vector& scales = result.judgement.scales;
  REQUIRE((scales.size() <= 1 || scales.size() == round.borders.size() - 1));
  for (std::size_t t = 0; t + 1 < round.borders.size() && !scales.empty(); ++t)
    for (std::size_t i = round.borders[t]; i < round.borders[t + 1]; ++i)
      result.scaled[i] *= scales.size() == 1 ? scales[0] : scales[t];
  return result;
}

inline RuleResult run_rule(const AggregationOptions& options, RuleRound round) {
  return run_rule(*make_aggregation(options).value_or_throw(), round);
}

// Values like a pseudo-gradient's, the same on every machine.
inline Vector noise(std::size_t size, std::uint32_t seed, double scale = 1) {
  Vector values;
  std::uint64_t state = seed * 2654435761U + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    values.push_back(
        static_cast<float>(scale * (static_cast<double>(state >> 40) / (1 << 23) - 1)));
  }
  return values;
}

// The largest difference, over the largest value that is expected.
inline double difference(const Vector& values, const std::vector<double>& expected) {
  REQUIRE(values.size() == expected.size());
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    apart = std::max(apart, std::abs(values[i] - expected[i]));
    if (std::isnan(values[i])) return INFINITY;
  }
  return apart / largest;
}

}  // namespace outrigger
