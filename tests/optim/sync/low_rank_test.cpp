#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_svd.h>

#include <limits>
#include <string>

#include <outrigger/optim/sync/low_rank.h>

#include "optim/sync/low_rank_samples.h"
#include "support/catch.h"

namespace outrigger::low_rank_test {

using samples::codec;
using samples::deltas;
using samples::distance;
using samples::kShapes;
using samples::Values;

std::vector<double> singular_values(Values matrix, std::int64_t rows, std::int64_t columns) {
  const at::Tensor m = at::from_blob(matrix.data(), {rows, columns}).to(at::kDouble);
  const at::Tensor s = std::get<1>(at::linalg_svd(m, false)).contiguous();
  return {s.data_ptr<double>(), s.data_ptr<double>() + s.numel()};
}

// How far the best matrix of that rank is away, with the norm as 1.
double best_distance(const std::vector<double>& singular, std::size_t rank) {
  double rest = 0, all = 0;
  for (std::size_t k = 0; k < singular.size(); ++k) {
    all += singular[k] * singular[k];
    if (k >= rank) rest += singular[k] * singular[k];
  }
  return std::sqrt(rest / all);
}

std::vector<Values> islands_of(const LowRank& low_rank, std::size_t count) {
  std::vector<Values> all;
  for (std::size_t k = 0; k < count; ++k) all.push_back(deltas(low_rank.elements(), 50 + k));
  return all;
}

// B B^T M for each matrix M; the other tensors as they are.
Values projection(const LowRank& low_rank, const Values& basis, Values values) {
  for (const LowRankPart& part : low_rank.parts()) {
    if (!part.factored) continue;
    float* const m = values.data() + part.begin;
    for (std::size_t j = 0; j < part.columns; ++j) {
      std::vector<double> spanned(part.rows, 0.0);
      for (std::size_t k = 0; k < low_rank.rank(); ++k) {
        const float* const b = basis.data() + part.first + k * part.rows;
        double along = 0;
        for (std::size_t i = 0; i < part.rows; ++i)
          along += double{b[i]} * double{m[i * part.columns + j]};
        for (std::size_t i = 0; i < part.rows; ++i) spanned[i] += along * double{b[i]};
      }
      for (std::size_t i = 0; i < part.rows; ++i)
        m[i * part.columns + j] = static_cast<float>(spanned[i]);
    }
  }
  return values;
}

// Mutations: in second_payload leave out std::ranges::copy; in make_basis do nothing.
TEST_CASE("a matrix of no more than the rank is whole after one round, and so are small tensors") {
  const LowRank low_rank(kShapes, 5, 5);
  Values values = deltas(low_rank.elements(), 1);
  for (const LowRankPart& part : low_rank.parts())
    if (part.factored)
      std::ranges::copy(samples::sum_of_products(part.rows, part.columns, 4, 0.5, part.begin),
                        values.begin() + static_cast<std::ptrdiff_t>(part.begin));
  const auto round =
      samples::round_of(low_rank, samples::first_warm(low_rank), {values}, codec("fp32"));
  CHECK(distance(round.update, values) < 1e-6);
  for (const LowRankPart& part : low_rank.parts())
    for (std::size_t i = part.begin; i < part.end(); ++i)
      if (!part.factored) CHECK(round.update[i] == values[i]);
}

// Mutation: in next_warm draw afresh always.
TEST_CASE("rounds of one matrix approach its best approximation of that rank") {
  const std::vector<Shape> shapes = {{48, 80}};
  const LowRank low_rank(shapes, 6, 6);
  const Values values = samples::sum_of_products(48, 80, 30, 0.85, 9);
  const double best = best_distance(singular_values(values, 48, 80), 6);
  Values warm = samples::first_warm(low_rank);
  double first = 0, last = 0;
  for (std::uint64_t n = 0; n < 60; ++n) {
    const auto round = samples::round_of(low_rank, warm, {values}, codec("fp32"));
    last = distance(round.update, values);
    if (n == 0) first = last;
    CHECK(last > best * (1 - 1e-5));
    low_rank.next_warm(round.second, {0, n + 1}, low_rank, warm);
  }
  CHECK(first > best * 1.05);
  CHECK(last < best * (1 + 1e-4));
}

// Mutation: in product_row start the second loop at k = 0 (the first products count twice).
TEST_CASE("a factored value is the sum of the products of its row and column") {
  for (const std::size_t rank : {1, 2, 3, 4, 5, 8, 11}) {
    const std::vector<Shape> shapes = {{40, 60}};
    const LowRank low_rank(shapes, 11, rank);
    const Values basis = deltas(40 * rank, 1), second = deltas(60 * rank, 2);
    const Values update = samples::reconstruct(low_rank, basis, second);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < update.size(); ++i) {
      float sum = 0;
      for (std::size_t k = 0; k < rank; ++k)
        sum += basis[k * 40 + i / 60] * second[k * 60 + i % 60];
      wrong += samples::bits(sum) != samples::bits(update[i]);
    }
    CHECK(wrong == 0);
  }
}

// Mutation: in reconstruct leave out `+ column` of `from`.
TEST_CASE("the update has the same bits wherever the borders of blocks lie") {
  const LowRank low_rank(kShapes, 5, 5);
  const Values basis = deltas(low_rank.first_elements(), 3);
  const Values second = deltas(low_rank.second_elements(), 4);
  const auto whole = samples::bits(samples::reconstruct(low_rank, basis, second));
  for (const std::size_t block : {1, 7, 60, 61, 256, 1000, 3000}) {
    Values out(low_rank.elements());
    for (std::size_t at = 0; at < out.size(); at += block)
      low_rank.reconstruct(basis, second, at,
                           std::span(out).subspan(at, std::min(block, out.size() - at)));
    CHECK(samples::bits(out) == whole);
  }
  low_rank.reconstruct(basis, second, low_rank.elements(), {});
}

// Mutation: in second_payload scale the factors: f.mul_(0.99).
TEST_CASE("the mean of the islands' own parts is the update: what the basis spans of the mean") {
  const LowRank low_rank(kShapes, 5, 5);
  const auto islands = islands_of(low_rank, 3);
  for (const char* name : {"fp32", "bf16", "int8"}) {
    const auto round =
        samples::round_of(low_rank, samples::first_warm(low_rank), islands, codec(name));
    CHECK(distance(samples::mean(round.own), round.update) < 1e-6);
    const Values spanned = projection(low_rank, round.basis, samples::mean(islands));
    CHECK(distance(round.update, spanned) < (name == std::string("fp32") ? 1e-6 : 0.02));
  }
}

// Mutation: in product_row's second loop `row[0]` for `row[k * stride]`: what is sent no longer
// brings the residual down.
TEST_CASE("error feedback: what was sent and the residual are all that came in, in any codec") {
  const LowRank low_rank(kShapes, 2, 2);
  for (const char* name : {"fp32", "bf16", "int8"}) {
    Values warm = samples::first_warm(low_rank);
    std::vector<Values> residuals(2, Values(low_rank.elements(), 0.0F));
    std::vector<double> in(low_rank.elements(), 0.0), sent(in);
    Values base = deltas(low_rank.elements(), 7);
    double norm = 0;
    for (std::uint64_t n = 0; n < 40; ++n) {
      std::vector<Values> islands;
      for (std::size_t k = 0; k < 2; ++k) {
        Values values = deltas(low_rank.elements(), 100 + 2 * n + k);
        for (std::size_t i = 0; i < values.size(); ++i) {
          values[i] += base[i];
          if (k == 0) in[i] += double{values[i]};
          values[i] += residuals[k][i];
        }
        islands.push_back(values);
      }
      const auto round = samples::round_of(low_rank, warm, islands, codec(name));
      for (std::size_t k = 0; k < 2; ++k)
        for (std::size_t i = 0; i < in.size(); ++i)
          residuals[k][i] = islands[k][i] - round.own[k][i];
      for (std::size_t i = 0; i < in.size(); ++i) sent[i] += double{round.own[0][i]};
      low_rank.next_warm(round.second, {0, n + 1}, low_rank, warm);
    }
    double difference = 0, rest = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      difference = std::max(difference, std::fabs(sent[i] + double{residuals[0][i]} - in[i]));
      rest += double{residuals[0][i]} * double{residuals[0][i]};
      norm += in[i] * in[i];
    }
    CHECK(difference < 1e-5);
    // Without feedback, at rank 2 of 24 and 40, nearly all of it would be missing.
    CHECK(std::sqrt(rest / norm) < 0.5);
  }
}

// Mutation: in second_payload leave out std::ranges::fill.
TEST_CASE("a payload is written in full, the gap in it with zeros") {
  const LowRank low_rank(kShapes, 5, 5);
  const Values values = deltas(low_rank.elements(), 1);
  Values first(low_rank.first_elements(), NAN), second(low_rank.second_elements(), NAN);
  low_rank.first_payload(values, samples::first_warm(low_rank), first);
  low_rank.second_payload(values, deltas(first.size(), 2), second);
  for (const float value : first) CHECK(std::isfinite(value));
  const std::size_t border = low_rank.parts()[0].second;
  for (std::size_t i = 0; i < second.size(); ++i)
    if (i < low_rank.warm_elements() || i >= border)
      CHECK(std::isfinite(second[i]));
    else
      CHECK(second[i] == 0);
}

// Mutations: m.nan_to_num() for m in first_payload; likewise in second_payload.
TEST_CASE("values that are not finite give payloads that are not") {
  const auto finite = [](const Values& values) {
    return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
  };
  const LowRank low_rank(kShapes, 5, 5);
  const Values warm = samples::first_warm(low_rank);
  const Values basis = deltas(low_rank.first_elements(), 2);
  for (const LowRankPart& part : low_rank.parts())
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      Values values = deltas(low_rank.elements(), 1);
      values[part.end() - 1] = bad;
      Values first(low_rank.first_elements()), second(low_rank.second_elements());
      low_rank.first_payload(values, warm, first);
      low_rank.second_payload(values, basis, second);
      CHECK(finite(first) == !part.factored);
      CHECK_FALSE(finite(second));
    }
}

}  // namespace outrigger::low_rank_test
