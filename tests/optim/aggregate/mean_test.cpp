#include <outrigger/optim/aggregate/mean.h>

#include <cmath>

#include <outrigger/comm/codec/float_bits.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in MeanReducer::reduce divide by inputs.size().
TEST_CASE("the mean is weighted by the close's integers and divided by their sum") {
  const std::vector<float> a = {1, 2, 3}, b = {5, -2, 0};
  const std::vector<std::span<const float>> inputs = {a, b};
  std::vector<float> out(3);
  const std::vector<std::uint64_t> weights = {3000, 1000};
  MeanReducer().reduce({{}, weights, {}, 0}, inputs, out);
  CHECK(out == std::vector<float>{2, 1, 2.25});
}

// Mutation: in shares(), leave out the division by the common factor.
TEST_CASE(
    "the mean of equal contributions under any equal weights is that contribution, to the bit") {
  const std::vector<float> x = {0.1F, -3.3333333F, 1e-38F, 7e33F};
  const std::vector<std::span<const float>> inputs = {x, x};
  std::vector<float> out(x.size());
  const std::vector<std::uint64_t> weights = {987654321, 987654321};
  MeanReducer().reduce({{}, weights, {}, 0}, inputs, out);
  CHECK(out == x);
}

// What weighted_sum promises: factors rounded once, fp32 sums in order, one division.
float weighted_mean(std::span<const std::span<const float>> inputs,
                    std::span<const std::uint64_t> weights, std::size_t i) {
  float sum = 0, total = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    sum += static_cast<float>(weights[k]) * inputs[k][i];
    total += static_cast<float>(weights[k]);
  }
  return sum / total;
}

// Mutation: in SumProducts, begin the loop over what is left at i + 1, or take hn::MulAdd.
TEST_CASE("the mean has the same bits whether a value is in a vector or behind the last one") {
  std::vector<std::vector<float>> values(3);
  std::vector<std::span<const float>> inputs;
  for (std::size_t k = 0; k < values.size(); ++k) {
    for (int i = 0; i < 400; ++i)
      values[k].push_back(std::sin(static_cast<float>(i) + 0.37F * static_cast<float>(k)));
    inputs.emplace_back(values[k]);
  }
  const std::vector<std::uint64_t> weights = {7, 3, 11};
  for (const std::size_t count : {1, 15, 16, 17, 63, 64, 65, 255, 400}) {
    std::vector<std::span<const float>> first;
    for (const auto& input : inputs) first.push_back(input.first(count));
    std::vector<float> out(count);
    MeanReducer().reduce({{}, weights, {}, 0}, first, out);
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(float_bits(out[i]) == float_bits(weighted_mean(first, weights, i)));
  }
}

// Mutation: in MeanReducer::as_sum, take the weights as they are; leave uniform_ out.
TEST_CASE("the mean says of which products it is the sum, and by what that is divided") {
  const std::vector<float> a = {0.1F, -3.3333333F, 7}, b = {0.3F, 1e-8F, -2};
  const std::vector<std::uint64_t> weights = {3 * 987654321ULL, 7 * 987654321ULL};
  const bool uniform = GENERATE(false, true);
  const MeanReducer mean(uniform);
  const auto sum = mean.as_sum(weights);
  REQUIRE(sum.has_value());
  CHECK(sum->factors == (uniform ? std::vector<float>{1, 1} : std::vector<float>{3, 7}));
  CHECK(sum->divisor == (uniform ? 2 : 10));
  std::vector<float> out(3);
  mean.reduce({{}, weights, {}, 0}, std::vector<std::span<const float>>{a, b}, out);
  for (std::size_t i = 0; i < 3; ++i) {
    const float first = sum->factors[0] * a[i], second = sum->factors[1] * b[i];
    CHECK(out[i] == (first + second) / sum->divisor);
  }
}

// Mutation: in weighted_sum, leave out `if (factor == 0.0F) continue;` (0 * inf is NaN).
TEST_CASE("a contribution of weight 0 does not count, whatever it holds") {
  const std::vector<float> x = {1, 2}, broken = {INFINITY, NAN};
  const std::vector<std::span<const float>> inputs = {broken, x};
  std::vector<float> out(2);
  const std::vector<std::uint64_t> weights = {0, 5};
  MeanReducer().reduce({{}, weights, {}, 0}, inputs, out);
  CHECK(out == x);
}

}  // namespace
}  // namespace outrigger
