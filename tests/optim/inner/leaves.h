#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>

#include <vector>

#include <outrigger/optim/inner/inner_optimizer.h>

namespace outrigger {

// A parameter of random values.
inline NamedTensor leaf(const std::string& name, std::vector<std::int64_t> shape) {
  return {name, at::randn(shape).requires_grad_(true)};
}

// The same values and gradients in memory of their own.
inline NamedTensors copies_of(const NamedTensors& parameters) {
  NamedTensors all;
  for (const NamedTensor& from : parameters) {
    all.push_back({from.name, from.tensor.detach().clone().requires_grad_(true)});
    if (from.tensor.grad().defined()) all.back().tensor.mutable_grad() = from.tensor.grad().clone();
  }
  return all;
}

inline void set_random_gradients(const NamedTensors& parameters) {
  for (const NamedTensor& entry : parameters)
    at::Tensor(entry.tensor).mutable_grad() = at::randn(entry.tensor.sizes());
}

// Row by row, for scalar computations.
inline std::vector<double> values(const at::Tensor& tensor) {
  const at::Tensor doubles = tensor.detach().to(at::kDouble).contiguous();
  return {doubles.data_ptr<double>(), doubles.data_ptr<double>() + doubles.numel()};
}

}  // namespace outrigger
