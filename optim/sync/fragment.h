#pragma once

#include <vector>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// A set of parameters that is synchronised together. `local` are the parameters' own memory, in
// their order, so it is the training that is read and written: no copy of the model is kept beside
// it.
struct Fragment {
  NamedTensors parameters;
  Segments local;
};

// One fragment with all parameters. InvalidArgument names a parameter that is not contiguous fp32
// on the CPU, or that comes twice.
Result<Fragment> whole_model(NamedTensors parameters);

}  // namespace outrigger
