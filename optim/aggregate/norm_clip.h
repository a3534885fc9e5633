#pragma once

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// `sync.aggregate: norm_clip`: sum(w_k min(1, L / norm_k) x_k) / sum(w_k). norm_k is the announced
// norm of contributor k's whole fragment, before encoding. L is `limit`; if that is 0, the lower
// median of the norms of those that have a weight, so that of two the larger is clipped to the
// smaller. Nobody's pull grows with its norm beyond L. Source: templar (SparseLoCo, arXiv
// 2508.15706), which clips each peer to the median norm.
class NormClip final : public Aggregation {
 public:
  explicit NormClip(double limit) : limit_(limit) {}
  std::string_view name() const override { return "norm_clip"; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override;

 private:
  double limit_;
};

}  // namespace outrigger
