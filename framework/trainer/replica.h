#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <outrigger/framework/data/batch.h>
#include <outrigger/framework/model/llama.h>
#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/framework/trainer/training_data.h>
#include <outrigger/optim/inner/inner_optimizer.h>

namespace outrigger {

struct InnerStep {
  double loss = 0;       // mean over the island's batch, nats a token
  double grad_norm = 0;  // before clipping
  double lr = 0;
};

// A sum over evaluation tokens; islands' sums add up.
struct EvalSum {
  double loss = 0;  // nats
  std::int64_t tokens = 0;
};

// One island's model with its inner optimizer. One training thread. Throws Error, or c10::Error for
// what LibTorch itself refuses.
class Replica {
 public:
  // Weights come from the recipe's seed, or from the folder that model.load names.
  static std::unique_ptr<Replica> create(const Recipe& recipe, const LlamaConfig& config);
  Replica(const Recipe& recipe, const LlamaConfig& config);

  // One inner step, number `step` from 0, on the batch. `correct` may change the gradients before
  // they are clipped.
  InnerStep train(const Batch& batch, std::uint64_t step, const std::function<void()>& correct);
  // Over this island's evaluation windows, under the weights given (theta_global, as the model's
  // parameters are ordered); empty: under the model's own.
  EvalSum evaluate(const TrainingData& data, const NamedTensors& weights);

  Llama& model() { return model_; }
  InnerOptimizer& inner() { return *inner_; }

 private:
  const Recipe& recipe_;
  Llama model_;
  std::unique_ptr<InnerOptimizer> inner_;
};

}  // namespace outrigger
