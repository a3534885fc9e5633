#pragma once

#include <span>

namespace outrigger {

// How an apply changes theta_local, block by block; all spans have one length. Sources:
// arXiv 2501.18512 (mix); shared/protocol.md rule 7 (carry).

// theta_local <- alpha theta_local + (1 - alpha) theta_global. alpha is the weight of the island's
// own parameters: 0 takes the global ones to the bit, 1 never takes them.
void mix(std::span<float> local, std::span<const float> global, float alpha);

// theta_local <- theta_global_new - (lead - held included), where lead = theta_global_old -
// theta_local: what this island learnt that the round does not include stays. `included` is the
// decoded contribution, of which theta_local still holds the part `held`.
void carry(std::span<float> local, std::span<const float> global_old,
           std::span<const float> global_new, std::span<const float> included, float held);

}  // namespace outrigger
