#pragma once

#include <outrigger/comm/collective/reducer.h>

namespace outrigger {

// `sync.aggregate: mean`: sum(w_k x_k) / sum(w_k), summed in fp32 in the closed order and divided once. The
// weights are the tokens behind each contribution, so that H = 1 is data parallel on the joined batch.
// Source: arXiv 2311.08105, algorithm 1 (equal weights); weights by tokens: shared/protocol.md, rule 3.
class MeanReducer final : public Reducer {
 public:
  void reduce(std::span<const std::span<const float>> inputs, std::span<const std::uint64_t> weights,
              std::span<float> out) const override;
};

}  // namespace outrigger
