#include "optim/aggregate/run_rule.h"

namespace outrigger {
namespace {

// sum(w min(1, L / |x|) x) / sum(w) in double.
std::vector<double> clipped_mean(const RuleRound& round, double limit) {
  std::vector<double> result(round.inputs[0].size(), 0);
  double total = 0;
  for (const std::uint64_t weight : round.weights) total += static_cast<double>(weight);
  for (std::size_t k = 0; k < round.inputs.size(); ++k) {
    const double norm = norm_of(round.inputs[k]);
    const double share =
        static_cast<double>(round.weights[k]) / total * std::min(1.0, limit / norm);
    for (std::size_t i = 0; i < result.size(); ++i) result[i] += share * round.inputs[k][i];
  }
  return result;
}

// Mutation: in NormClipReducer::reduce, divide by the sum of the clipped factors (debunk 13).
TEST_CASE("norm_clip clips each contribution to the median norm and divides by all weights") {
  const RuleRound round{.inputs = {noise(40, 1, 1), noise(40, 2, 0.5), noise(40, 3, 50)},
                        .weights = {300, 100, 200}};
  const RuleResult result = run_rule({.rule = "norm_clip"}, round);
  CHECK(difference(result.scaled, clipped_mean(round, norm_of(round.inputs[0]))) < 1e-6);
}

// Mutation: in lower_median take values.size() / 2.
TEST_CASE("norm_clip takes the lower median of an even number, and so the smaller of two") {
  const RuleRound round{.inputs = {noise(40, 1, 100), noise(40, 2, 1)}, .weights = {5, 5}};
  const RuleResult result = run_rule({.rule = "norm_clip"}, round);
  CHECK(difference(result.scaled, clipped_mean(round, norm_of(round.inputs[1]))) < 1e-6);
}

// Mutation: in NormClipReducer::reduce, always take the median.
TEST_CASE(
    "norm_clip with a norm of its own clips to that, and leaves the rest as the mean has it") {
  RuleRound round{.inputs = {noise(40, 1, 1), noise(40, 2, 8)}, .weights = {700, 300}};
  const double limit = 2 * norm_of(round.inputs[0]);
  const RuleResult result = run_rule({.rule = "norm_clip", .clip = limit}, round);
  CHECK(difference(result.scaled, clipped_mean(round, limit)) < 1e-6);
  round.inputs[1] = noise(40, 2, 1);
  CHECK(run_rule({.rule = "norm_clip", .clip = limit}, round).scaled ==
        run_rule({.rule = "mean"}, round).scaled);
}

// Mutation: in median_norm, count every norm.
TEST_CASE("norm_clip's median counts only contributions that have a weight") {
  const RuleRound round{.inputs = {noise(40, 1, 4), noise(40, 2, 0.01), noise(40, 3, 0.01)},
                        .weights = {10, 0, 0}};
  CHECK(run_rule({.rule = "norm_clip"}, round).scaled == round.inputs[0]);
}

// Mutation: drop `norm > limit` and multiply by limit / norm always.
TEST_CASE("norm_clip does not lengthen the short, a zero one included") {
  const RuleRound round{.inputs = {Vector(5, 0.0F), Vector(5, 2.0F), Vector(5, 2.0F)},
                        .weights = {1, 1, 1}};
  CHECK(difference(run_rule({.rule = "norm_clip"}, round).scaled, std::vector<double>(5, 4.0 / 3)) <
        1e-6);
}

}  // namespace
}  // namespace outrigger
