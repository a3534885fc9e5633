#pragma once

#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/aggregate/outliers.h>

namespace outrigger {

// `sync.aggregate: edit`: EDiT's pseudo-gradient penalty, arXiv 2412.07210, section 3, with the
// fragment for its layer:
//   1. an island whose norm G_k is an outlier (outliers.h) counts for nothing;
//   2. D = sum(w_k x_k) / sum(w_k) over the others, with w_k = exp(-G_k) from the close, so that
//      larger norms weigh less;
//   3. D <- D min(1, clip / (||D|| + 1e-6));
//   4. if all are outliers there is no outer step, and local parameters go back to the global ones.
// G_k is the announced norm of the whole fragment. The close computes the weights without knowing
// the outliers; where all that is left weighs 0 beside one of them, the smallest norm that is left
// stands alone, which is what the softmax tends to. G is used as it is: with norms of order 100 the
// smallest takes nearly all.
class Edit final : public Aggregation {
 public:
  // `warmup`: norms of an island before it can be an outlier. `clip` > 0.
  Edit(double warmup, double clip) : test_(warmup), clip_(clip) {}
  std::string_view name() const override { return "edit"; }
  WeightRule weights() const override { return WeightRule::kSoftmaxNorms; }
  // Island i has those from i * NormTest::kStatistics on.
  std::size_t statistics(std::size_t islands) const override {
    return islands * NormTest::kStatistics;
  }
  std::shared_ptr<const Reducer> reducer(const Borders&,
                                         std::span<const double> statistics) const override;
  bool needs_result_norms() const override { return true; }
  Judgement settle(const RoundFacts& facts, std::span<const double> result_norms,
                   std::span<double> statistics) const override;

 private:
  NormTest test_;
  double clip_;
};

}  // namespace outrigger
