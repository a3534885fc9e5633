#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <outrigger/comm/names.h>

namespace outrigger {

// What the close fixed about one round's contributions, in the closed order, and which values of
// the fragment a call is about.
struct Reduction {
  std::span<const MemberId> contributors;      // one a contribution, as all that follows
  std::span<const std::uint64_t> weights;      // not all zero
  std::span<const std::vector<double>> norms;  // as announced; empty where none were
  std::size_t offset = 0;                      // of the block's first value in the fragment
};

// sum(factors[k] x_k) / divisor, each product rounded to fp32 and the sum divided once.
struct WeightedSum {
  std::vector<float> factors;  // one a contribution; 0 leaves it out, whatever it holds
  float divisor = 1;
};

// How the contributions of one round become one result. optim/ implements it; comm/ only calls it,
// a block at a time, from any thread. Pure: the same inputs give the same bits on every machine.
class Reducer {
 public:
  virtual ~Reducer() = default;

  // out[i] <- the reduction of inputs[k][i] over k, in the closed order. All spans have one length;
  // `out` overlaps none of them.
  virtual void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
                      std::span<float> out) const = 0;
  // Whether a single input is its own reduction: its bytes are then handed on as they came.
  virtual bool keeps_one() const { return false; }
  // Whether the reduction of some inputs, with the sum of their weights, may stand for them in the
  // reduction of all, up to rounding: true of the weighted mean. In the terms of databases and
  // sensor networks a decomposable aggregate function.
  virtual bool decomposable() const { return false; }
  // The weighted sum that reduce() forms of inputs with these weights, in the closed order, if it
  // is one: whoever takes another order gets the same up to rounding.
  virtual std::optional<WeightedSum> as_sum(
      [[maybe_unused]] std::span<const std::uint64_t> weights) const {
    return std::nullopt;
  }
};

}  // namespace outrigger
