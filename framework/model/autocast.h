#pragma once

#include <ATen/core/Tensor.h>

namespace outrigger {

// While it lives, matrix products and attention on `device` run in bf16 on this thread; parameters,
// norms, the loss and gradients of parameters stay fp32. Holds the forward pass; the backward pass
// runs outside it.
class Autocast {
 public:
  explicit Autocast(bool enabled, at::DeviceType device = at::kCPU);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool was_enabled_;
  at::ScalarType was_dtype_;
};

}  // namespace outrigger
