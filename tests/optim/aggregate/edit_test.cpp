#include <outrigger/optim/aggregate/edit.h>

#include "optim/aggregate/run_rule.h"

namespace outrigger {
namespace {

constexpr std::size_t kSize = 30;

// One island's detector, written from the card with its own names; `run` returns whether it is an
// outlier.
struct Detector {
  double n = 0, mean = 0, var = 0, ez = 0, ez2 = 0;
  bool run(double g, double warmup) {
    const double sd = std::sqrt(var);
    const double std_z = std::sqrt(std::max(0.0, ez2 - ez * ez));
    const double top = 3 * std::max(1.0, std_z);
    double z = 0;
    if (n >= warmup && sd > 0) z = (g - mean) / sd;
    const bool out = z > top;
    if (out) {
      g = mean + top * sd;
    } else {
      ez = 0.98 * ez + 0.02 * z;
      ez2 = 0.98 * ez2 + 0.02 * z * z;
    }
    n += 1;
    const double a = 1 / n > 0.02 ? 1 / n : 0.02, old = mean;
    mean = old + a * (g - old);
    var = (1 - a) * (var + a * (g - old) * (g - mean));
    return out;
  }
};

// A vector of this norm.
Vector of_norm(double norm, std::uint32_t seed) {
  Vector values = noise(kSize, seed);
  const double factor = norm / norm_of(values);
  for (float& value : values) value = static_cast<float>(value * factor);
  return values;
}

double jitter(std::uint32_t seed) {
  return noise(1, seed)[0];
}

const Edit kEdit(20, 10);

// A run whose islands have had `rounds` ordinary rounds, with norms around 1, 2, 3, ....
RuleRound after_ordinary_rounds(std::size_t islands, std::uint32_t rounds) {
  RuleRound round;
  for (std::uint32_t r = 0; r < rounds; ++r) {
    round.inputs.clear();
    round.weights.clear();
    for (std::uint32_t k = 0; k < islands; ++k)
      round.inputs.push_back(of_norm((k + 1) * (1 + 0.05 * jitter(r * 31 + k)), r + k));
    run_rule(kEdit, round);
  }
  round.weights.clear();
  return round;
}

// sum(exp(-G) x) / sum(exp(-G)) over the islands named.
std::vector<double> softmax_mean(const RuleRound& round, const std::vector<std::size_t>& of) {
  std::vector<double> result(kSize, 0);
  double total = 0;
  for (const std::size_t k : of) total += std::exp(-norm_of(round.inputs[k]));
  for (const std::size_t k : of)
    for (std::size_t i = 0; i < kSize; ++i)
      result[i] += std::exp(-norm_of(round.inputs[k])) / total * round.inputs[k][i];
  return result;
}

// Mutation: let Edit::weights() give WeightRule::kTokens.
TEST_CASE("edit weighs by exp(-norm), so that larger norms get less weight") {
  RuleRound round{.inputs = {of_norm(1, 1), of_norm(2.5, 2), of_norm(4, 3)}};
  const RuleResult result = run_rule(kEdit, round);
  CHECK(difference(result.scaled, softmax_mean(round, {0, 1, 2})) < 1e-6);
  CHECK(round.weights[0] > round.weights[1]);
  CHECK(round.weights[1] > round.weights[2]);
  CHECK_FALSE(result.judgement.skip);
}

// Mutation: in EditReducer::masked, leave weights[k] as it is for an outlier.
TEST_CASE("an outlier counts neither in edit's sum nor in its divisor") {
  RuleRound round = after_ordinary_rounds(3, 60);
  round.inputs = {of_norm(1, 11), of_norm(2.9, 12), of_norm(3, 13)};
  const RuleResult result = run_rule(kEdit, round);
  CHECK_FALSE(result.judgement.skip);
  CHECK(difference(result.scaled, softmax_mean(round, {0, 2})) < 1e-6);
}

// Mutation: in EditReducer::masked, leave out `weights[smallest] = 1`.
TEST_CASE("edit hears the smallest norm that is left when an outlier had all the weight") {
  RuleRound round = after_ordinary_rounds(3, 60);
  round.inputs = {of_norm(2, 11), of_norm(90, 12), of_norm(60, 13)};
  round.statistics[1 * NormTest::kStatistics + 1] = 90;  // islands of large, even norms
  round.statistics[2 * NormTest::kStatistics + 1] = 60;
  const RuleResult result = run_rule(kEdit, round);
  CHECK(round.weights[1] == 0);
  CHECK(round.weights[2] == 0);
  CHECK(result.reduced == round.inputs[2]);
}

// Mutation: in Edit::settle, never set skip to false; set it to false always.
TEST_CASE("edit skips the round only if all are outliers, with a finite result") {
  RuleRound round = after_ordinary_rounds(2, 60);
  round.inputs = {of_norm(50, 11), of_norm(60, 12)};
  const RuleResult result = run_rule(kEdit, round);
  CHECK(result.judgement.skip);
  CHECK(result.reduced == Vector(kSize, 0.0F));
  round.weights.clear();
  round.inputs = {of_norm(50, 11), of_norm(2, 12)};
  CHECK_FALSE(run_rule(kEdit, round).judgement.skip);
}

// Mutation: in judge(), drop the std of recent z from the limit; use std::abs(z); learn an
// outlier's own norm.
TEST_CASE("edit's z-test equals a computation of its own over a restless history") {
  const NormTest test(20);
  std::vector<double> statistics(NormTest::kStatistics, 0);
  Detector detector;
  int outliers = 0;
  for (std::uint32_t r = 0; r < 600; ++r) {
    double norm = 5 + jitter(r);
    if (r > 100 && r % 9 == 0) norm += 0.3 * (r % 40);
    if (r > 100 && r % 17 == 0) norm = 0.1;
    INFO(r);
    const bool expected = Detector(detector).run(norm, 20);
    REQUIRE(test.is_outlier(statistics, norm) == expected);
    outliers += expected ? 1 : 0;
    detector.run(norm, 20);
    test.learn(statistics, norm);
    REQUIRE(statistics[1] == Approx(detector.mean));
    REQUIRE(statistics[2] == Approx(detector.var));
    REQUIRE(statistics[4] == Approx(detector.ez2).margin(1e-12));
  }
  CHECK(outliers > 10);
  CHECK(outliers < 100);
}

// Mutation: in NormTest::learn, leave out `norm = judged.largest`.
TEST_CASE("edit's test still catches a spike after a spike, however large the first was") {
  RuleRound round = after_ordinary_rounds(2, 60);
  for (const double spike : {1e9, 3.0, 3.0, 3.0}) {
    round.weights.clear();
    round.inputs = {of_norm(spike, 11), of_norm(2, 12)};
    CHECK(run_rule(kEdit, round).reduced == round.inputs[1]);
  }
}

// Mutation: in NormTest::learn, return for an outlier.
TEST_CASE("edit's test accepts a lasting change after some rounds") {
  const NormTest test(20);
  std::vector<double> statistics(NormTest::kStatistics, 0);
  for (std::uint32_t r = 0; r < 60; ++r) test.learn(statistics, 1 + 0.05 * jitter(r));
  int masked = 0;
  for (std::uint32_t r = 0; r < 200; ++r) {
    const double norm = 3 + 0.05 * jitter(r);
    masked += test.is_outlier(statistics, norm) ? 1 : 0;
    test.learn(statistics, norm);
  }
  CHECK(masked > 5);
  CHECK(masked < 100);
}

// Mutation: in judge(), start with count <= warmup.
TEST_CASE("edit looks for outliers after as many norms as the warm-up, and not at small ones") {
  const NormTest test(20);
  std::vector<double> statistics(NormTest::kStatistics, 0);
  for (std::uint32_t r = 0; r < 19; ++r) test.learn(statistics, 1 + 0.05 * jitter(r));
  CHECK_FALSE(test.is_outlier(statistics, 100));
  test.learn(statistics, 1);
  CHECK(test.is_outlier(statistics, 100));
  CHECK_FALSE(test.is_outlier(statistics, 0));
}

// Mutation: in Edit::settle, take factor = clip_ for clip_ / norm.
TEST_CASE("edit clips the norm of what comes out to its limit and leaves a smaller one alone") {
  RuleRound round{.inputs = {of_norm(40, 1), of_norm(40, 1)}};
  CHECK(norm_of(run_rule(kEdit, round).scaled) == Approx(10).epsilon(1e-6));
  RuleRound small{.inputs = {of_norm(9.9, 1)}};
  CHECK(run_rule(kEdit, small).scaled == small.inputs[0]);
}

// Mutation: in first_statistic, take 0 for member.island.
TEST_CASE("edit keeps the statistics of each island apart, whoever contributes") {
  RuleRound round = after_ordinary_rounds(3, 60);
  const std::vector<double> before = round.statistics;
  round.inputs = {of_norm(3, 5)};
  round.contributors = {{2, 9, 0}};
  const RuleResult result = run_rule(kEdit, round);
  CHECK_FALSE(result.judgement.skip);
  for (std::size_t s = 0; s < before.size(); ++s)
    CHECK((round.statistics[s] != before[s]) == (s / NormTest::kStatistics == 2));
}

}  // namespace
}  // namespace outrigger
