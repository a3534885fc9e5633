#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/optim/sync/low_rank.h>

#include "comm/codec/samples.h"

// Low-rank rounds of a few islands, without sessions.
namespace outrigger::samples {

using Values = std::vector<float>;

// A vector, a matrix that is factored up to rank 5, one that is too small, a scalar, a convolution.
inline const std::vector<Shape> kShapes = {{37}, {40, 60}, {5, 3}, {}, {24, 4, 3, 3}, {30}};

inline Values through(const Codec& codec, const Values& values) {
  return decode_flat(codec, encode_flat(codec, values), values.size());
}

inline Values mean(const std::vector<Values>& all) {
  Values out(all[0].size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (const Values& values : all) sum += double{values[i]};
    out[i] = static_cast<float>(sum / static_cast<double>(all.size()));
  }
  return out;
}

inline Values reconstruct(const LowRank& low_rank, const Values& basis, const Values& second) {
  Values out(low_rank.elements());
  low_rank.reconstruct(basis, second, 0, out);
  return out;
}

// Of all differences, with the norm of `b` as 1.
inline double distance(const Values& a, const Values& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
    norm += double{b[i]} * double{b[i]};
  }
  return std::sqrt(difference / norm);
}

struct LowRankRound {
  Values basis;
  Values second;            // the mean of the second payloads
  Values update;            // of the whole fragment
  std::vector<Values> own;  // each island's part of it
};

// What becomes of the islands' values in one round; the payloads go through `codec`, the means
// through none.
inline LowRankRound round_of(const LowRank& low_rank, const Values& warm,
                             const std::vector<Values>& islands, const Codec& codec) {
  std::vector<Values> firsts, seconds;
  for (const Values& values : islands) {
    Values first(low_rank.first_elements());
    low_rank.first_payload(values, warm, first);
    firsts.push_back(through(codec, first));
  }
  LowRankRound round;
  round.basis = mean(firsts);
  low_rank.make_basis(round.basis);
  for (const Values& values : islands) {
    Values second(low_rank.second_elements());
    low_rank.second_payload(values, round.basis, second);
    seconds.push_back(through(codec, second));
    round.own.push_back(reconstruct(low_rank, round.basis, seconds.back()));
  }
  round.second = mean(seconds);
  round.update = reconstruct(low_rank, round.basis, round.second);
  return round;
}

inline Values first_warm(const LowRank& low_rank) {
  Values warm(low_rank.warm_elements());
  low_rank.first_warm({0, 0}, warm);
  return warm;
}

inline Values signs(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Values all(count);
  for (float& value : all) value = random() % 2 == 0 ? 0.1F : -0.1F;
  return all;
}

// A rows x columns matrix that is a sum of `rank` products of columns of random signs, the k-th
// with `decay`^k.
inline Values sum_of_products(std::size_t rows, std::size_t columns, std::size_t rank, double decay,
                              std::uint64_t seed) {
  const Values left = signs(rows * rank, seed), right = signs(columns * rank, seed + 1);
  Values out(rows * columns);
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < rank; ++k)
      sum += std::pow(decay, static_cast<double>(k)) * double{left[i / columns * rank + k]} *
             double{right[i % columns * rank + k]};
    out[i] = static_cast<float>(sum);
  }
  return out;
}

}  // namespace outrigger::samples
