#include "optim/aggregate/run_rule.h"

namespace outrigger {
namespace {

const AggregationOptions kRda{.rule = "rda"};

// The card's formula for one tensor, in double; phi(x) = x / |x|.
std::vector<double> direction_and_length(const std::vector<std::span<const float>>& deltas,
                                         const std::vector<double>& w) {
  const std::size_t size = deltas[0].size();
  std::vector<double> mean(size, 0);
  double length = 0, total = 0;
  for (std::size_t k = 0; k < deltas.size(); ++k) {
    const double norm = norm_of(deltas[k]);
    total += w[k];
    length += w[k] * norm;
    for (std::size_t i = 0; i < size && norm > 0; ++i) mean[i] += w[k] * deltas[k][i] / norm;
  }
  double norm = 0;
  for (const double value : mean) norm += value * value;
  norm = std::sqrt(norm);
  for (double& value : mean) value *= length / total / norm;
  return mean;
}

// Mutation: in RdaReducer::reduce, take reduction.norms[k][0] for every tensor.
TEST_CASE("rda joins mean direction and mean length of each tensor for itself") {
  RuleRound round{.inputs = {noise(40, 1), noise(40, 2, 30), noise(40, 3, 0.2)},
                  .weights = {100, 300, 200},
                  .borders = {0, 5, 5, 28, 40}};
  for (std::size_t i = 5; i < 28; ++i) round.inputs[1][i] *= 1e-3F;
  const RuleResult result = run_rule(kRda, round);
  for (std::size_t t = 0; t < 4; ++t) {
    const std::size_t begin = round.borders[t], size = round.borders[t + 1] - begin;
    if (size == 0) continue;
    INFO(t);
    std::vector<std::span<const float>> deltas;
    for (const Vector& input : round.inputs)
      deltas.push_back(std::span(input).subspan(begin, size));
    const Vector tensor(result.scaled.begin() + begin, result.scaled.begin() + begin + size);
    CHECK(difference(tensor, direction_and_length(deltas, {1, 3, 2})) < 1e-6);
  }
}

// Mutation: in Rda::settle, leave the division by the result's norm out.
TEST_CASE(
    "rda of orthogonal contributions of one length keeps the length, which the mean does not") {
  const RuleRound round{.inputs = {{3, 0, 0, 0}, {0, 3, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 3}},
                        .weights = {1, 1, 1, 1}};
  CHECK(norm_of(run_rule(kRda, round).scaled) == Approx(3).epsilon(1e-6));
  CHECK(norm_of(run_rule({.rule = "mean"}, round).scaled) == Approx(1.5));
}

// Mutation: in Rda::settle, leave the length out.
TEST_CASE("rda of one contribution is that contribution up to rounding") {
  const RuleRound round{.inputs = {noise(40, 1, 1e-4)}, .weights = {12345}, .borders = {0, 13, 40}};
  const RuleResult result = run_rule(kRda, round);
  CHECK(difference(result.scaled, {round.inputs[0].begin(), round.inputs[0].end()}) < 3e-7);
}

// Mutation: in Rda::settle, always divide by result_norms[norm].
TEST_CASE("rda does not blow up the rounding that is left of opposite directions") {
  Vector opposite = noise(40, 1);
  for (float& value : opposite) value = -value;
  opposite[0] *= 1.00001F;
  const RuleRound round{.inputs = {noise(40, 1), opposite}, .weights = {1, 1}};
  const double length = norm_of(round.inputs[0]);
  CHECK(norm_of(run_rule(kRda, round).scaled) < 1e-3 * length);
  const RuleRound zero{.inputs = {{0, 0}, {0, 0}}, .weights = {1, 1}};
  CHECK(run_rule(kRda, zero).scaled == Vector{0, 0});
}

// Mutation: in RdaReducer::reduce, leave has_direction out.
TEST_CASE("rda takes no direction from a contribution of zeros, but its length") {
  const RuleRound round{.inputs = {{0, 0}, {6, 8}}, .weights = {3, 1}};
  const RuleResult result = run_rule(kRda, round);
  CHECK(result.scaled[0] == Approx(1.5));
  CHECK(result.scaled[1] == Approx(2));
}

// Mutation: in weighted_sum, leave out `if (factor == 0.0F) continue;`.
TEST_CASE("rda and norm_clip leave out what has no weight, whatever it holds") {
  const RuleRound round{.inputs = {{3, 4}, {NAN, INFINITY}}, .weights = {2, 0}};
  CHECK(run_rule({.rule = "norm_clip"}, round).reduced == Vector{3, 4});
  RuleRound wide = round;
  wide.inputs[1] = {INFINITY, 1};
  CHECK(run_rule(kRda, wide).reduced[0] == Approx(0.6));
}

}  // namespace
}  // namespace outrigger
