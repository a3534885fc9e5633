#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// The 2-norms of a fragment and of each of its tensors, summed up in fp64 from blocks that come in
// order. Every member gets the same bits from the same values.
class TensorNorms {
 public:
  explicit TensorNorms(const Borders& borders)
      : borders_(borders), squares_(borders.size() - 1, 0.0) {}

  // `values` are those from `offset` on; what lies behind the last border does not count.
  void add(std::size_t offset, std::span<const float> values);

  // Of the whole fragment, then of each tensor: as a contribution announces them.
  std::vector<double> norms() const;

 private:
  const Borders& borders_;
  std::vector<double> squares_;
  std::size_t tensor_ = 0;  // that the next value belongs to
};

}  // namespace outrigger
