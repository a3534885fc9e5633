#pragma once

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// `sync.aggregate: rda`: radial-directional averaging, per tensor: the mean of the directions with
// the mean of the lengths,
//   u = sum(w_k x_k / ||x_k||) / sum(w_k)          where x / ||x|| is 0 for x = 0
//   result = (sum(w_k ||x_k||) / sum(w_k)) u / ||u||
// so that nearly orthogonal pseudo-gradients do not shrink by 1/sqrt(M) as their mean does; one
// contribution is left as it is. ||x_k|| is announced, before encoding; ||u|| is that of the
// decoded result. A direction that vanishes, ||u|| < 1e-3, is not blown up: u keeps its length,
// which gives the weighted mean where the norms are equal (at settle no other is known). Weights
// are the tokens; the source weighs by tokens squared over steps, which the close does not know,
// and takes the plain mean for embeddings, which a fragment does not know. Source: arXiv 2604.21428
// (Decoupled DiLoCo).
class Rda final : public Aggregation {
 public:
  std::string_view name() const override { return "rda"; }
  std::shared_ptr<const Reducer> reducer(const Borders& borders,
                                         std::span<const double>) const override;
  bool needs_result_norms() const override { return true; }
  Judgement settle(const RoundFacts& facts, std::span<const double> result_norms,
                   std::span<double> statistics) const override;
};

}  // namespace outrigger
