#pragma once

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// `sync.aggregate: mean`: sum(w_k x_k) / sum(w_k), summed in fp32 in the closed order and divided
// once. The weights are the tokens behind each contribution, so that H = 1 is data parallel on the
// joined batch; `uniform` counts each island once. Source: arXiv 2311.08105, algorithm 1 (equal
// weights); weights by tokens: shared/protocol.md, rule 3.
class MeanReducer final : public Reducer {
 public:
  explicit MeanReducer(bool uniform = false) : uniform_(uniform) {}
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override;
  bool keeps_one() const override { return true; }
  // A uniform mean is not: it would count a part as one island.
  bool decomposable() const override { return !uniform_; }
  std::optional<WeightedSum> as_sum(std::span<const std::uint64_t> weights) const override;

 private:
  std::vector<double> factors(std::span<const std::uint64_t> weights) const;

  bool uniform_;
};

class MeanAggregation final : public Aggregation {
 public:
  explicit MeanAggregation(bool uniform) : uniform_(uniform) {}
  std::string_view name() const override { return uniform_ ? "uniform" : "mean"; }
  bool linear() const override { return true; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override {
    return std::make_shared<MeanReducer>(uniform_);
  }

 private:
  bool uniform_;
};

}  // namespace outrigger
