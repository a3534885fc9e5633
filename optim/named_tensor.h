#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace outrigger {

// A tensor and the name it has in a model, a checkpoint or an optimizer's state. The handle shares its memory.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

}  // namespace outrigger
