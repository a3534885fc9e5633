#include "optim/aggregate/run_rule.h"

namespace outrigger {
namespace {

const AggregationOptions kVote{.rule = "sign_vote"};

// Mutation: in SignVoteReducer, add inputs[k][i] in place of its sign.
TEST_CASE("the vote goes by the number of signs, a tie and a zero being nothing") {
  const RuleRound round{
      .inputs = {{1, -2, 5, 0, 1, -0.0F}, {2, -1, -9, 0, -1, 0}, {-90, 3, 0, -1, 0, 0}},
      .weights = {1, 1, 1}};
  CHECK(run_rule(kVote, round).reduced == Vector{1, -1, 0, -1, 0, 0});
}

// Mutation: in SignVote::settle, leave the square root out.
TEST_CASE("the vote is as large as the median rms of each tensor") {
  const RuleRound round{.inputs = {noise(40, 1, 1), noise(40, 2, 3), noise(40, 3, 200)},
                        .weights = {100, 900, 1},
                        .borders = {0, 11, 11, 40}};
  const RuleResult result = run_rule(kVote, round);
  for (std::size_t i = 0; i < 40; ++i) {
    int votes = 0;
    for (const Vector& input : round.inputs) votes += input[i] > 0 ? 1 : -1;
    const std::size_t begin = i < 11 ? 0 : 11, end = i < 11 ? 11 : 40;
    const double rms = norm_of(std::span(round.inputs[1]).subspan(begin, end - begin)) /
                       std::sqrt(static_cast<double>(end - begin));
    CHECK(result.scaled[i] == Approx(votes > 0 ? rms : -rms).epsilon(1e-6));
  }
}

// Mutation: in SignVote::settle, divide by the square root of size - 1.
TEST_CASE("the vote on one step of Lion is exactly the learning rate times the majority's sign") {
  const float lr = 3.1e-4F;
  RuleRound round{.inputs = {}, .weights = {7, 9, 8}};
  for (std::uint32_t k = 0; k < 3; ++k) {
    Vector step = noise(1000, k);
    for (float& value : step) value = value > 0 ? lr : -lr;
    round.inputs.push_back(std::move(step));
  }
  const RuleResult result = run_rule(kVote, round);
  for (std::size_t i = 0; i < 1000; ++i) {
    const float sum = round.inputs[0][i] + round.inputs[1][i] + round.inputs[2][i];
    REQUIRE(result.scaled[i] == (sum > 0 ? lr : -lr));
  }
}

// Mutation: in SignVoteReducer, or in SignVote::settle, leave out the test of the weight.
TEST_CASE("who has no weight has no vote, and no part in the vote's size") {
  const RuleRound round{.inputs = {{2, 2}, {-1, -1}, {-1, -1}}, .weights = {5, 0, 0}};
  CHECK(run_rule(kVote, round).scaled == Vector{2, 2});
}

}  // namespace
}  // namespace outrigger
