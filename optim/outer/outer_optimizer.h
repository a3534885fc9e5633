#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

struct OuterOptions {
  std::string optimizer = "nesterov";
  double lr = 0.7;
  double momentum = 0.9;             // nesterov, heavy_ball, delayed_nesterov
  double beta1 = 0.9, beta2 = 0.99;  // adam, yogi
  double epsilon = 1e-3;             // adam, adagrad, yogi: the paper's tau; above 0
  std::uint64_t workers = 0;         // delayed_nesterov: how many send arrivals
  double early_momentum = 0;         // delayed_nesterov: c, 0 to 1/workers
};

// One outer step, beside its values.
struct OuterStep {
  std::uint64_t round = 0;  // of the fragment, from 0
  double lr_factor = 1;     // what the outer schedule gives for it, times the learning rate
  std::span<const float> peer_mean = {};  // gossip's: of the group's theta, one value each
};

// A rule that is linear in g: with b <- momentum b + g it moves theta by -lr (direct g + buffered
// b).
struct LinearStep {
  double lr = 0, direct = 0, buffered = 0, momentum = 0;
};

// The rule that moves the global parameters by the averaged pseudo-gradient g, which is positive in
// the descent direction. It works on blocks, so that the round's driver can decode, step and merge
// in one pass; it is elementwise in fixed fp32 order, so that every island computes the same bits.
// Stateless: its buffers are SharedState's and are passed in.
class OuterOptimizer {
 public:
  virtual ~OuterOptimizer() = default;
  virtual std::string_view name() const = 0;
  // Names of the fp32 buffers it keeps, one value a parameter element, starting at 0.
  virtual std::vector<std::string> slots() const = 0;
  // REQUIRES: theta, g and each slot have one size; slots are in the order of slots().
  virtual void step_block(std::span<float> theta, std::span<const float> g,
                          std::span<const std::span<float>> slots, const OuterStep& step) const = 0;
  // Whether rounds are among small groups whose replicas stay different: then step_block gets
  // step.peer_mean.
  virtual bool gossips() const { return false; }
  // Whether each island's pseudo-gradient is a step of its own, in the order of arrival.
  virtual bool asynchronous() const { return false; }
  // Nothing where it is not linear; eager updates need it to be (shared/protocol.md, "Modes").
  virtual std::optional<LinearStep> linear() const { return std::nullopt; }
};

// By `outer.optimizer`; NotFound names what exists.
Result<std::unique_ptr<OuterOptimizer>> make_outer_optimizer(const OuterOptions& options);

// Makes a rule of one's own known under a name that is not taken (InvalidArgument). Thread-safe.
// Every process of a job must register the same.
using MakeOuterOptimizer = std::function<std::unique_ptr<OuterOptimizer>(const OuterOptions&)>;
void register_outer_optimizer(const std::string& name, MakeOuterOptimizer make);

}  // namespace outrigger
