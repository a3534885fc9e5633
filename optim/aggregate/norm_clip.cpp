#include <outrigger/optim/aggregate/norm_clip.h>

#include <numeric>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

class NormClipReducer final : public Reducer {
 public:
  explicit NormClipReducer(double limit) : limit_(limit) {}

  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    std::vector<double> factors = shares(reduction.weights);
    const double total = std::accumulate(factors.begin(), factors.end(), 0.0);
    const double limit = limit_ > 0 ? limit_ : median_norm(reduction);
    for (std::size_t k = 0; k < factors.size(); ++k)
      if (const double norm = reduction.norms[k][0]; norm > limit) factors[k] *= limit / norm;
    weighted_sum(factors, total, inputs, out);
  }

 private:
  static double median_norm(const Reduction& reduction) {
    std::vector<double> norms;
    for (std::size_t k = 0; k < reduction.norms.size(); ++k)
      if (reduction.weights[k] != 0) norms.push_back(reduction.norms[k][0]);
    return lower_median(std::move(norms));
  }

  double limit_;
};

}  // namespace

std::shared_ptr<const Reducer> NormClip::reducer(const Borders&, std::span<const double>) const {
  return std::make_shared<NormClipReducer>(limit_);
}

}  // namespace outrigger
