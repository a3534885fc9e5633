#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace outrigger {

// A tensor and the name it has in a model, a checkpoint or an optimizer's state. The handle shares
// its memory.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

// A module's own: named_tensors(model.named_parameters()).
template <class OrderedDict>
NamedTensors named_tensors(const OrderedDict& tensors) {
  NamedTensors all;
  for (const auto& item : tensors) all.push_back({item.key(), item.value()});
  return all;
}

}  // namespace outrigger
