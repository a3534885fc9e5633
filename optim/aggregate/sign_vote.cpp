#include <outrigger/optim/aggregate/sign_vote.h>

#include <cmath>

#include <outrigger/optim/aggregate/sums.h>

namespace outrigger {
namespace {

int sign(float value) {
  return (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0);
}

class SignVoteReducer final : public Reducer {
 public:
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    std::fill(out.begin(), out.end(), 0.0F);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (reduction.weights[k] == 0) continue;
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += static_cast<float>(sign(inputs[k][i]));
    }
    for (float& votes : out) votes = static_cast<float>(sign(votes));
  }
};

}  // namespace

std::shared_ptr<const Reducer> SignVote::reducer(const Borders&, std::span<const double>) const {
  return std::make_shared<SignVoteReducer>();
}

Judgement SignVote::settle(const RoundFacts& facts, std::span<const double>,
                           std::span<double>) const {
  Judgement judgement;
  for (std::size_t tensor = 0; tensor + 1 < facts.borders.size(); ++tensor) {
    std::vector<double> norms;
    for (std::size_t k = 0; k < facts.norms.size(); ++k)
      if (facts.weights[k] != 0) norms.push_back(facts.norms[k][1 + tensor]);
    const auto size = static_cast<double>(facts.borders[tensor + 1] - facts.borders[tensor]);
    const double rms = size == 0 ? 0 : lower_median(std::move(norms)) / std::sqrt(size);
    judgement.scales.push_back(static_cast<float>(rms));
  }
  return judgement;
}

}  // namespace outrigger
