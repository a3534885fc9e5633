#include "optim/aggregate/run_rule.h"

namespace outrigger {
namespace {

RuleRound columns(const std::vector<float>& values) {
  RuleRound round;
  for (const float value : values) {
    round.inputs.push_back({value, -value});
    round.weights.push_back(100 * round.inputs.size());
  }
  return round;
}

double median_of(const std::vector<float>& values) {
  return run_rule({.rule = "median"}, columns(values)).scaled[0];
}

double trimmed(const std::vector<float>& values, double trim) {
  return run_rule({.rule = "trimmed_mean", .trim = trim}, columns(values)).scaled[0];
}

// Mutation: in MedianReducer, take the two middle values' larger one.
TEST_CASE("the median is the middle value, or halfway between the two in the middle") {
  CHECK(median_of({4}) == 4);
  CHECK(median_of({1, 4}) == 2.5);
  CHECK(median_of({9, -2, 4}) == 4);
  CHECK(median_of({9, -2, 4, 5}) == 4.5);
  CHECK(median_of({-5, -1, -3, -2, -4}) == -3);
  CHECK(median_of({3e38F, 3.2e38F}) == Approx(3.1e38));
}

// Mutation: in flip, return bits.
TEST_CASE("median and trimmed mean equal a sort in double, coordinate by coordinate") {
  RuleRound round;
  for (std::uint32_t k = 0; k < 7; ++k) round.inputs.push_back(noise(33, k));
  round.weights.assign(7, 1);
  const Vector median = run_rule({.rule = "median"}, round).scaled;
  const Vector mean = run_rule({.rule = "trimmed_mean", .trim = 0.3}, round).scaled;
  std::vector<double> expected;
  for (std::size_t i = 0; i < 33; ++i) {
    std::vector<double> column;
    for (const Vector& input : round.inputs) column.push_back(input[i]);
    std::sort(column.begin(), column.end());
    CHECK(median[i] == column[3]);
    expected.push_back((column[2] + column[3] + column[4]) / 3);  // floor(0.3 * 7) = 2 go
  }
  CHECK(difference(mean, expected) < 1e-6);
}

// Mutation: in TrimmedMeanReducer, leave out the line with std::max.
TEST_CASE("the trimmed mean drops at least the extremes of three, and nothing of two") {
  CHECK(trimmed({100, 1, -50}, 0.2) == 1);
  CHECK(trimmed({100, 1, 3, -50}, 0.2) == 2);
  CHECK(trimmed({1, 4}, 0.49) == 2.5);
  CHECK(trimmed({7}, 0.49) == 7);
  CHECK(trimmed({1, 2, 3, 4, 100, 6, 7, 8, 9, -100}, 0.2) == 5);
  CHECK(trimmed({9, 1, 2, 3, 4}, 0.49) == 3);
}

// Mutation: in combine_sorted, hear every input.
TEST_CASE("median and trimmed mean hear all that have a weight alike, and no others") {
  RuleRound round = columns({1000, 1, 2, 6});
  round.weights = {0, 1, 1000000, 1};
  CHECK(run_rule({.rule = "median"}, round).scaled == Vector{2, -2});
  CHECK(run_rule({.rule = "trimmed_mean"}, round).scaled == Vector{2, -2});
}

// Mutation: in combine_sorted, sort the floats instead of their keys.
TEST_CASE("a value that is no number does not move the median of three far") {
  CHECK(median_of({1, NAN, 2}) == 2);
  CHECK(median_of({-1, -NAN, -2}) == -2);
  CHECK(median_of({INFINITY, 1, 2}) == 2);
}

// Mutation: in combine_sorted, leave the sort out.
TEST_CASE("the trimmed mean does not depend on the order of the contributions") {
  RuleRound round;
  for (std::uint32_t k = 0; k < 6; ++k) round.inputs.push_back(noise(50, k));
  round.weights.assign(6, 1);
  const Vector there = run_rule({.rule = "trimmed_mean"}, round).scaled;
  std::rotate(round.inputs.begin(), round.inputs.begin() + 2, round.inputs.end());
  std::swap(round.inputs[0], round.inputs[1]);
  CHECK(run_rule({.rule = "trimmed_mean"}, round).scaled == there);
}

}  // namespace
}  // namespace outrigger
