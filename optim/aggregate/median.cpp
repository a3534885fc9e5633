#include <outrigger/optim/aggregate/median.h>

#include <algorithm>
#include <bit>
#include <numeric>

namespace outrigger {
namespace {

// An integer that orders as the float does, NaN beyond the infinities and -0 before 0; its own
// inverse.
std::int32_t flip(std::int32_t bits) {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// out[i] <- combine(the sorted values of the inputs with a weight).
template <class Combine>
void combine_sorted(const Reduction& reduction, std::span<const std::span<const float>> inputs,
                    std::span<float> out, Combine combine) {
  std::vector<std::span<const float>> heard;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (reduction.weights[k] != 0) heard.push_back(inputs[k]);
  std::vector<std::int32_t> keys(heard.size());
  std::vector<float> sorted(heard.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t k = 0; k < heard.size(); ++k)
      keys[k] = flip(std::bit_cast<std::int32_t>(heard[k][i]));
    std::sort(keys.begin(), keys.end());
    for (std::size_t k = 0; k < keys.size(); ++k) sorted[k] = std::bit_cast<float>(flip(keys[k]));
    out[i] = combine(sorted);
  }
}

class MedianReducer final : public Reducer {
 public:
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    combine_sorted(reduction, inputs, out, [](std::span<const float> sorted) {
      const std::size_t count = sorted.size();
      return std::midpoint(sorted[(count - 1) / 2], sorted[count / 2]);
    });
  }
};

class TrimmedMeanReducer final : public Reducer {
 public:
  explicit TrimmedMeanReducer(double trim) : trim_(trim) {}

  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    combine_sorted(reduction, inputs, out, [this](std::span<const float> sorted) {
      const std::size_t count = sorted.size();
      auto dropped = static_cast<std::size_t>(trim_ * static_cast<double>(count));
      if (count >= 3) dropped = std::max<std::size_t>(1, dropped);
      const std::span<const float> kept = sorted.subspan(dropped, count - 2 * dropped);
      return std::accumulate(kept.begin(), kept.end(), 0.0F) / static_cast<float>(kept.size());
    });
  }

 private:
  double trim_;
};

}  // namespace

std::shared_ptr<const Reducer> Median::reducer(const Borders&, std::span<const double>) const {
  return std::make_shared<MedianReducer>();
}

std::shared_ptr<const Reducer> TrimmedMean::reducer(const Borders&, std::span<const double>) const {
  return std::make_shared<TrimmedMeanReducer>(trim_);
}

}  // namespace outrigger
