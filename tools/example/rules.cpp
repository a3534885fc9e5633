// An outer optimizer and an aggregation rule of one's own: a class each, registered under a name.
#include "rules.h"

#include <cmath>

#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/outer/outer_optimizer.h>

namespace {

// theta <- theta - lr g / (1 + |g|): large changes count for less.
class SoftSgd final : public outrigger::OuterOptimizer {
 public:
  explicit SoftSgd(double lr) : lr_(static_cast<float>(lr)) {}
  std::string_view name() const override { return "soft_sgd"; }
  std::vector<std::string> slots() const override { return {}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>>, const outrigger::OuterStep&) const override {
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] -= lr_ * g[i] / (1 + std::abs(g[i]));
  }

 private:
  float lr_;
};

// Of each value the contribution that moves it farthest; the first of equals.
class FarthestReducer final : public outrigger::Reducer {
 public:
  void reduce(const outrigger::Reduction&, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = inputs[0][i];
      for (const std::span<const float> input : inputs)
        if (std::abs(input[i]) > std::abs(out[i])) out[i] = input[i];
    }
  }
};

class Farthest final : public outrigger::Aggregation {
 public:
  std::string_view name() const override { return "farthest"; }
  std::shared_ptr<const outrigger::Reducer> reducer(const outrigger::Borders&,
                                                    std::span<const double>) const override {
    return std::make_shared<FarthestReducer>();
  }
};

}  // namespace

void register_own_rules() {
  outrigger::register_outer_optimizer("soft_sgd", [](const outrigger::OuterOptions& options) {
    return std::make_unique<SoftSgd>(options.lr);
  });
  outrigger::register_aggregation("farthest", [](const outrigger::AggregationOptions&) {
    return std::make_unique<Farthest>();
  });
}
