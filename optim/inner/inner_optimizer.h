#pragma once

#include <memory>
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
  double momentum = 0.0;  // sgd's; adamw has betas
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

// By `inner.optimizer`; NotFound names what exists.
Result<std::unique_ptr<InnerOptimizer>> make_inner_optimizer(const InnerOptions& options,
                                                             NamedTensors parameters);

}  // namespace outrigger
