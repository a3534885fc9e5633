#include <cmath>

#include "optim/outer/scalar_steps.h"

namespace outrigger {
namespace {

// Algorithm 2 of the paper for one coordinate, in its sign (delta = -g) and letters.
struct Paper {
  std::string rule;
  double eta, beta1, beta2, tau;
  double x, m = 0, v = tau * tau;

  void step(double delta) {
    const double square = delta * delta;
    if (rule == "adagrad") {
      m = delta;
      v = v + square;
    } else {
      m = beta1 * m + (1 - beta1) * delta;
    }
    if (rule == "adam") v = beta2 * v + (1 - beta2) * square;
    if (rule == "yogi") {
      const double sign = v > square ? 1 : v < square ? -1 : 0;
      v = v - (1 - beta2) * square * sign;
    }
    x += eta * m / (std::sqrt(v) + tau);
  }
};

// Mutation: in FedOpt::step_block, give yogi adam's lambda; in step_with, start v at 0; leave
// rest1_ out.
TEST_CASE("adam, adagrad and yogi equal algorithm 2 in double over 60 steps") {
  for (const char* rule : {"adam", "adagrad", "yogi"}) {
    Stepped ours({.optimizer = rule, .lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.01},
                 {1, 2, 3, 4});
    std::vector<Paper> paper;
    for (const double x : {1, 2, 3, 4}) paper.push_back({rule, 0.02, 0.8, 0.95, 0.01, x});
    for (std::uint64_t t = 0; t < 60; ++t) {
      std::vector<float> g;
      for (std::size_t i = 0; i < 4; ++i) g.push_back(gradient(t, i));
      ours.step(g);
      for (std::size_t i = 0; i < 4; ++i) {
        paper[i].step(-static_cast<double>(g[i]));
        INFO(rule << ", step " << t << ", value " << i);
        REQUIRE(ours.theta[i] == Approx(paper[i].x).epsilon(2e-6));
      }
    }
    CHECK(std::abs(paper[0].x - 1) > 0.01);
  }
}

// Mutation: in FedOpt::step_with, correct the bias: divide momentum[i] by rest1_ at round 0.
TEST_CASE("adam's first step has no bias correction and v from epsilon squared") {
  Stepped ours({.optimizer = "adam", .lr = 1}, {0});
  ours.step(0.5F);
  const double v = 0.99 * 1e-6 + 0.01 * 0.25;
  CHECK(ours.theta[0] == Approx(-0.05 / (std::sqrt(v) + 1e-3)).epsilon(1e-5));
}

// Mutation: in FedOpt::step_block's yogi, leave the sign out and subtract always.
TEST_CASE("yogi's v moves towards g squared by a share of g squared, from either side") {
  Stepped ours({.optimizer = "yogi", .beta2 = 0.9, .epsilon = 1}, {0});
  ours.step(3);  // v = 1, below 9
  CHECK(ours.slots[0][0] == Approx(1.9));
  ours.step(1);  // above 1
  CHECK(ours.slots[0][0] == Approx(1.8));
}

// Mutation: let FedOpt::slots() give adagrad a momentum.
TEST_CASE("adagrad keeps one buffer and no momentum: it does not go on when g is 0") {
  Stepped ours({.optimizer = "adagrad", .lr = 0.1}, {0});
  CHECK(ours.slots.size() == 1);
  ours.step(1);
  const float there = ours.theta[0];
  CHECK(there == Approx(-0.1).epsilon(2e-3));
  ours.step(0);
  CHECK(ours.theta[0] == there);
}

// Mutation: in FedOpt::step_block, leave step.lr_factor out.
TEST_CASE("the outer schedule's factor scales the adaptive rules' step") {
  for (const char* rule : {"adam", "adagrad", "yogi"}) {
    Stepped full({.optimizer = rule}, {0}), half({.optimizer = rule}, {0});
    const float g = 0.3F;
    full.step({&g, 1}, 1);
    half.step({&g, 1}, 0.5);
    CHECK(half.theta[0] == 0.5F * full.theta[0]);
  }
}

// Mutation: in make_fedopt, leave the check of epsilon out.
TEST_CASE("the adaptive rules go by their names and refuse an epsilon of 0") {
  for (const char* rule : {"adam", "adagrad", "yogi"}) {
    CHECK(make_outer_optimizer({.optimizer = rule}).value_or_throw()->name() == rule);
    CHECK(make_outer_optimizer({.optimizer = rule, .epsilon = 0}).status().code() ==
          Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace outrigger
