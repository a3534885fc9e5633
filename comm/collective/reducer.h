#pragma once

#include <cstdint>
#include <span>

namespace outrigger {

// How the contributions of one round become one result. optim/ implements it; comm/ only calls it, a block
// at a time, from any thread. Pure: the same inputs give the same bits on every machine.
class Reducer {
 public:
  virtual ~Reducer() = default;

  // out[i] <- the reduction of inputs[k][i] over k, in the closed order. `weights` are the close's integers,
  // one a contribution, not all zero. All spans have one length; `out` overlaps none of them.
  virtual void reduce(std::span<const std::span<const float>> inputs,
                      std::span<const std::uint64_t> weights, std::span<float> out) const = 0;
};

}  // namespace outrigger
