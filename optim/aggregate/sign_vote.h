#pragma once

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// `sync.aggregate: sign_vote`: a majority vote on each coordinate's sign, s = sign(sum_k
// sign(x_k)), a tie and sign(0) being 0, over the contributions that have a weight; the weights
// count no further. The result is s times, per tensor, the lower median over them of the tensor's
// rms, norm / sqrt(size), with the announced norms: a pseudo-gradient in size, and with H = 1 and
// Lion, whose every change is lr sign, just lr s. Sources: arXiv 1810.05291 (the vote), 2404.00438
// (Distributed Lion's MaVo).
class SignVote final : public Aggregation {
 public:
  std::string_view name() const override { return "sign_vote"; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override;
  Judgement settle(const RoundFacts& facts, std::span<const double> result_norms,
                   std::span<double> statistics) const override;
};

}  // namespace outrigger
