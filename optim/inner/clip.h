#pragma once

#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the 2-norm of all of them
// together, and returns that norm as it was before: the semantics of
// torch.nn.utils.clip_grad_norm_. A norm of NaN or infinity is returned as it is, and every
// gradient is NaN or 0 then: look at the norm before the step. max_norm <= 0 only measures.
double clip_grad_norm(const NamedTensors& parameters, double max_norm);

}  // namespace outrigger
