#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// The 2-norms of a fragment and of each of its tensors, summed up in fp64 from blocks. Every member
// gets the same bits from the same values, on any number of threads: the blocks of a stretch
// (comm/codec/stretch.h) come in order and from one thread, whose sums are their own.
class TensorNorms {
 public:
  explicit TensorNorms(const Borders& borders);

  // `values` are those from `offset` on; what lies behind the last border does not count.
  void add(std::size_t offset, std::span<const float> values);

  // Of the whole fragment, then of each tensor: as a contribution announces them.
  std::vector<double> norms() const;

 private:
  struct Stretch {
    std::size_t first = 0;        // tensor that it begins in
    std::vector<double> squares;  // from that tensor on
  };
  const Borders& borders_;
  std::vector<Stretch> stretches_;
};

}  // namespace outrigger
