#pragma once

namespace outrigger {

// What error feedback encodes of a value: the pseudo-gradient and what earlier rounds lost of it.
constexpr float fed_back_delta(float global, float local, float residual, float decay) {
  return (global - local) + decay * residual;
}

}  // namespace outrigger
