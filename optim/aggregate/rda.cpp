#include <outrigger/optim/aggregate/rda.h>

#include <limits>
#include <numeric>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

constexpr double kVanished = 1e-3;

class RdaReducer final : public Reducer {
 public:
  explicit RdaReducer(Borders borders) : borders_(std::move(borders)) {}

  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const std::vector<double> weights = shares(reduction.weights);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> factors(weights.size());
    std::vector<std::span<const float>> parts(inputs.size());
    const auto reduce_tensor = [&](std::size_t tensor, std::size_t begin, std::size_t end) {
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const double norm = reduction.norms[k][1 + tensor];
        // Below the smallest normal float the factor would not be one: as good as 0.
        const bool has_direction = norm >= std::numeric_limits<float>::min();
        factors[k] = has_direction ? weights[k] / (norm * total) : 0;
        parts[k] = inputs[k].subspan(begin, end - begin);
      }
      weighted_sum(factors, 1, parts, out.subspan(begin, end - begin));
    };
    for_each_tensor(borders_, reduction.offset, out.size(), reduce_tensor);
  }

 private:
  Borders borders_;
};

}  // namespace

std::shared_ptr<const Reducer> Rda::reducer(const Borders& borders, std::span<const double>) const {
  return std::make_shared<RdaReducer>(borders);
}

Judgement Rda::settle(const RoundFacts& facts, std::span<const double> result_norms,
                      std::span<double>) const {
  const std::vector<double> weights = shares(facts.weights);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  Judgement judgement;
  for (std::size_t norm = 1; norm < result_norms.size(); ++norm) {
    double length = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) length += weights[k] * facts.norms[k][norm];
    length /= total;
    const double direction = result_norms[norm] < kVanished ? 1 : result_norms[norm];
    judgement.scales.push_back(static_cast<float>(length / direction));
  }
  return judgement;
}

}  // namespace outrigger
