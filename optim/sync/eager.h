#pragma once

#include <span>

#include <outrigger/optim/outer/outer_optimizer.h>

namespace outrigger {

// Eager updates (arXiv 2502.12996): an island steps on Dbar(t-H) + (Delta_m(t) -
// Delta_m(t-H)) / M, its own part of the mean fresh and the others' one round old. For an outer
// rule that is linear in g, the sum over rounds of what an island adds privately telescopes: it
// stands at
//
//   theta_m(t) = theta_global(t) + c,   c = -lr (direct f Delta_m(t) + buffered r),
//   r <- momentum r + f Delta_m(t)
//
// where theta_global has only whole rounds in it (shared/protocol.md, "Modes"), f is this island's
// share of the mean, 1/M, and r the outer momentum's memory of its own contributions, which fades:
// nothing drifts. Delta_m is as decoded from the bytes that were sent.

// r <- momentum r + share delta.
void eager_remember(const LinearStep& rule, double share, std::span<const float> delta,
                    std::span<float> lead);

// values += c.
void eager_correct(const LinearStep& rule, double share, std::span<const float> delta,
                   std::span<const float> lead, std::span<float> values);

}  // namespace outrigger
