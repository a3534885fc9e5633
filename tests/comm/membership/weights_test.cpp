#include <outrigger/comm/membership/weights.h>

#include <cmath>

#include "support/catch.h"

using namespace outrigger;

namespace {

std::vector<std::uint64_t> softmax(const std::vector<double>& norms) {
  return round_weights(WeightRule::kSoftmaxNorms, std::vector<std::uint64_t>(norms.size(), 0),
                       norms);
}

}  // namespace

// Mutation: in round_weights, give 1 for every count of tokens.
TEST_CASE("a round's weights are its tokens, or 1 each if nobody has any") {
  const std::vector<double> norms = {1, 2, 3};
  const auto by_tokens = [&](const std::vector<std::uint64_t>& tokens) {
    return round_weights(WeightRule::kTokens, tokens, norms);
  };
  CHECK(by_tokens({5, 0, 7}) == std::vector<std::uint64_t>{5, 0, 7});
  CHECK(by_tokens({0, 0, 0}) == std::vector<std::uint64_t>{1, 1, 1});
}

// Mutation: in round_weights, take exp(norm - smallest): larger norms get more weight.
TEST_CASE("softmax weights are exp(-norm) in units of 2^-32 of the largest") {
  const auto weights = softmax({1.5, 0.5, 3});
  const double unit = 4294967296.0;
  CHECK(weights[1] == 1ULL << 32);
  CHECK(static_cast<double>(weights[0]) == Approx(unit * std::exp(-1.0)).margin(0.51));
  CHECK(static_cast<double>(weights[2]) == Approx(unit * std::exp(-2.5)).margin(0.51));
}

// Mutation: in round_weights, leave `smallest` at 0: every weight is 0.
TEST_CASE("softmax weights depend on differences only, and huge norms do not overflow") {
  CHECK(softmax({1001.5, 1000.5, 1003}) == softmax({1.5, 0.5, 3}));
  CHECK(softmax({1e308, 1e300}) == std::vector<std::uint64_t>{0, 1ULL << 32});
  CHECK(softmax({7e9, 7e9}) == std::vector<std::uint64_t>(2, 1ULL << 32));
}

// Mutation: in round_weights, start from the norms' largest.
TEST_CASE("softmax weights always have one that is not 0, zero norms included") {
  CHECK(softmax({0, 0}) == std::vector<std::uint64_t>(2, 1ULL << 32));
  CHECK(softmax({500}) == std::vector<std::uint64_t>{1ULL << 32});
  CHECK(softmax({0, 23})[1] == 0);
  CHECK(softmax({0, 22})[1] == 1);
}
