#include <outrigger/optim/inner/corrections.h>

#include <vector>

#include "support/catch.h"

using namespace outrigger;

// Mutation: in add_proximal, theta_global[i] - theta[i].
TEST_CASE("FedProx's term is the gradient of mu/2 times the squared distance") {
  const std::vector<float> global = {1, -2, 0.5F}, theta = {1.5F, -2, -1};
  const std::vector<float> before = {0.25F, -1, 2};
  const double mu = 0.125, h = 1.0 / 1024;
  std::vector<float> gradient = before;
  add_proximal(gradient, theta, global, static_cast<float>(mu));
  const auto penalty = [&](std::size_t i, double at) {
    return mu / 2 * (at - global[i]) * (at - global[i]);
  };
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double slope = (penalty(i, theta[i] + h) - penalty(i, theta[i] - h)) / (2 * h);
    CHECK(gradient[i] == Approx(before[i] + slope).margin(1e-9));
  }
}

// Mutation: in add_proximal, gradient[i] = instead of +=.
TEST_CASE("FedProx leaves the gradient's bits where mu is 0 and where the round started") {
  const std::vector<float> global = {3, 4}, moved = {5, -6}, before = {0.1F, -0.2F};
  std::vector<float> gradient = before;
  add_proximal(gradient, moved, global, 0);
  CHECK(gradient == before);
  add_proximal(gradient, global, global, 10);
  CHECK(gradient == before);
}

// Mutation: in add_control, local_variate[i] - global_variate[i].
TEST_CASE("SCAFFOLD's control variates turn each island's gradient into the islands' mean") {
  const std::vector<std::vector<float>> drifts = {{1, -4}, {3, 0}, {-1, 1}};
  const std::vector<float> mean = {1, -1};
  for (const std::vector<float>& drift : drifts) {
    std::vector<float> gradient = drift;  // an island whose gradient is its variate
    add_control(gradient, mean, drift);
    CHECK(gradient == mean);
    std::vector<float> zero(2);
    add_control(zero, mean, drift);
    CHECK(zero == std::vector<float>{mean[0] - drift[0], mean[1] - drift[1]});
  }
}
