#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

struct OuterOptions {
  std::string optimizer = "nesterov";
  double lr = 0.7;
  double momentum = 0.9;
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
                          std::span<const std::span<float>> slots) const = 0;
};

// By `outer.optimizer`; NotFound names what exists.
Result<std::unique_ptr<OuterOptimizer>> make_outer_optimizer(const OuterOptions& options);

}  // namespace outrigger
