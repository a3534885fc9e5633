#pragma once

#include <span>

namespace outrigger {

// What federated algorithms add to a gradient before the inner optimizer sees it. Stateless,
// element by element, in fp32. REQUIRES: spans of one length.

// FedProx: the gradient of (mu / 2) |theta - theta_global|^2, which holds an island near where its
// round started:   g <- g + mu (theta - theta_global)
// Source: arXiv 1812.06127, equation 2.
void add_proximal(std::span<float> gradient, std::span<const float> theta,
                  std::span<const float> theta_global, float mu);

// SCAFFOLD: takes the island's own drift c_i out and the mean drift c in:   g <- g + (c - c_i)
// Source: arXiv 1910.06378, algorithm 1.
void add_control(std::span<float> gradient, std::span<const float> global_variate,
                 std::span<const float> local_variate);

}  // namespace outrigger
