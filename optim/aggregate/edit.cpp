#include <outrigger/optim/aggregate/edit.h>

#include <numeric>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

std::size_t first_statistic(const MemberId& member) {
  return member.island * NormTest::kStatistics;
}

class EditReducer final : public Reducer {
 public:
  EditReducer(NormTest test, std::span<const double> statistics)
      : test_(test), statistics_(statistics.begin(), statistics.end()) {}

  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const std::vector<double> factors = shares(masked(reduction));
    const double total = std::accumulate(factors.begin(), factors.end(), 0.0);
    weighted_sum(factors, total == 0 ? 1 : total, inputs, out);
  }

 private:
  // The weights, 0 for outliers. All 0 only if all are.
  std::vector<std::uint64_t> masked(const Reduction& reduction) const {
    std::vector<std::uint64_t> weights(reduction.weights.begin(), reduction.weights.end());
    std::size_t smallest = weights.size();
    bool heard = false;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const double norm = reduction.norms[k][0];
      const std::span statistics =
          std::span(statistics_)
              .subspan(first_statistic(reduction.contributors[k]), NormTest::kStatistics);
      if (test_.is_outlier(statistics, norm)) {
        weights[k] = 0;
        continue;
      }
      heard = heard || weights[k] != 0;
      if (smallest == weights.size() || norm < reduction.norms[smallest][0]) smallest = k;
    }
    if (!heard && smallest < weights.size()) weights[smallest] = 1;
    return weights;
  }

  NormTest test_;
  std::vector<double> statistics_;
};

}  // namespace

std::shared_ptr<const Reducer> Edit::reducer(const Borders&,
                                             std::span<const double> statistics) const {
  return std::make_shared<EditReducer>(test_, statistics);
}

Judgement Edit::settle(const RoundFacts& facts, std::span<const double> result_norms,
                       std::span<double> statistics) const {
  Judgement judgement{.skip = true, .scales = {}};
  for (std::size_t k = 0; k < facts.contributors.size(); ++k) {
    const std::span own =
        statistics.subspan(first_statistic(facts.contributors[k]), NormTest::kStatistics);
    if (!test_.is_outlier(own, facts.norms[k][0])) judgement.skip = false;
    test_.learn(own, facts.norms[k][0]);
  }
  const double factor = clip_ / (result_norms[0] + 1e-6);
  if (factor < 1) judgement.scales = {static_cast<float>(factor)};
  return judgement;
}

}  // namespace outrigger
