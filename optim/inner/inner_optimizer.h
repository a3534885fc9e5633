#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/optim/named_tensor.h>

namespace outrigger {

struct InnerOptions {
  std::string optimizer = "adamw";
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  std::string decay = "all";  // which parameters decay: all, matrices (groups.h)
  std::optional<double> momentum = std::nullopt;  // sgd's, nullopt: 0; muon's, nullopt: 0.9

  // Muon's; its AdamW takes betas and eps from above.
  std::string newton_schulz = "muloco";  // muloco, keller (newton_schulz.h)
  std::string scale = "spectral_norm";   // spectral_norm, rms_norm
  bool nesterov = false;
  double adamw_lr = 1.0;  // AdamW's learning rate, as a factor on the step's
  // A matrix with one of these in its name is AdamW's: Hugging Face's embeddings and heads.
  std::vector<std::string> muon_outside = {"embed", "lm_head"};
};

// The optimizer of one island's inner steps. It holds handles to the parameters and owns its state,
// all of it named, so that a checkpoint can write and read it. One thread at a time. Parameters are
// contiguous fp32 leaves; those without a gradient are left alone in a step.
class InnerOptimizer {
 public:
  explicit InnerOptimizer(NamedTensors parameters) : parameters_(std::move(parameters)) {}
  virtual ~InnerOptimizer() = default;
  InnerOptimizer(const InnerOptimizer&) = delete;
  InnerOptimizer& operator=(const InnerOptimizer&) = delete;

  virtual std::string_view name() const = 0;
  // One step from the parameters' .grad with the learning rate that the schedule gives.
  virtual void step(double lr) = 0;
  // Everything it remembers, as handles that share its memory, in a fixed order:
  // "<parameter>.exp_avg", ..., "step".
  virtual NamedTensors state() const = 0;

  // Writes the values of `from` into the state. FailedPrecondition names what is missing,
  // unexpected or of another shape or dtype; then nothing is changed.
  Status load_state(const NamedTensors& from);
  // As if no step had been made: moments and step count zero.
  void reset_moments();
  // Drops the gradients, so that the next backward pass writes them instead of adding.
  void zero_grad();

 protected:
  NamedTensors parameters_;
};

// By `inner.optimizer`; NotFound names what exists, also of decay, newton_schulz and scale.
Result<std::unique_ptr<InnerOptimizer>> make_inner_optimizer(const InnerOptions& options,
                                                             NamedTensors parameters);

}  // namespace outrigger
