#pragma once

#include <outrigger/optim/aggregate/aggregation.h>

namespace outrigger {

// `sync.aggregate: median` and `trimmed_mean`, coordinate by coordinate over the M contributions
// that have a weight; the weights count no further. Source: arXiv 1803.01498, definitions 1 and 2.
// A value that is not a number sorts to one of the ends.

// The middle value; of an even number the mean of the two in the middle.
class Median final : public Aggregation {
 public:
  std::string_view name() const override { return "median"; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override;
};

// The mean without the d smallest and the d largest, d = floor(trim M), but at least 1 where M
// >= 3. Summed in fp32 from the smallest up, so the order of the contributions does not matter.
class TrimmedMean final : public Aggregation {
 public:
  explicit TrimmedMean(double trim) : trim_(trim) {}  // 0 < trim < 0.5
  std::string_view name() const override { return "trimmed_mean"; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override;

 private:
  double trim_;
};

}  // namespace outrigger
