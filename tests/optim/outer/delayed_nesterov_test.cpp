#include <cmath>
#include <deque>

#include "optim/outer/scalar_steps.h"

namespace outrigger {
namespace {

OuterOptions delayed(std::uint64_t workers, double c, double lr = 0.7) {
  return {.optimizer = "delayed_nesterov",
          .lr = lr,
          .momentum = 0.9,
          .workers = workers,
          .early_momentum = c};
}

// Mutation: in DelayedNesterov::step_block, leave `accumulator[i] = 0` out.
TEST_CASE("delayed Nesterov equals the card's two lines in double, for c from 0 to 1/N") {
  for (const double c : {0.0, 0.1, 0.25}) {
    Stepped ours(delayed(4, c), {1, -2});
    for (std::size_t i = 0; i < 2; ++i) {
      INFO(c << ", value " << i);
      double theta = ours.theta[i], m = 0, acc = 0;
      for (std::uint64_t t = 0; t < 22; ++t) {
        const double g = gradient(t, i);
        acc += g;
        if ((t + 1) % 4 == 0) {
          m = 0.9 * m + acc / 4;
          theta -= 0.7 * ((1 - c * 4 + c) * 0.9 * m + g / 4);
          acc = 0;
        } else {
          theta -= 0.7 * (c * 0.9 * m + g / 4);
        }
      }
      Stepped one(delayed(4, c), {ours.theta[i]});
      for (std::uint64_t t = 0; t < 22; ++t) one.step(gradient(t, i));
      CHECK(one.theta[0] == Approx(theta).epsilon(1e-5));
      CHECK(one.slots[0][0] == Approx(m).epsilon(1e-5));
      CHECK(one.slots[1][0] == Approx(acc).epsilon(1e-5));
    }
  }
}

// Mutation: in DelayedNesterov, take round % workers_ == 0 for the last arrival.
TEST_CASE("N arrivals of delayed Nesterov are one Nesterov step on their mean") {
  Stepped ours(delayed(3, 0), {2}), sync({.lr = 0.7, .momentum = 0.9}, {2});
  for (std::uint64_t round = 0; round < 8; ++round) {
    float mean = 0;
    for (std::uint64_t k = 0; k < 3; ++k) {
      ours.step(gradient(round * 3 + k, 0));
      mean += gradient(round * 3 + k, 0) / 3;
    }
    sync.step(mean);
    CHECK(ours.theta[0] == Approx(sync.theta[0]).epsilon(1e-5));
    CHECK(ours.slots[0][0] == Approx(sync.slots[0][0]).epsilon(1e-5).margin(1e-6));
  }
}

// Mutation: in DelayedNesterov's constructor, let last_ be momentum (1 - c) for what is left of 1.
TEST_CASE("once settled, delayed Nesterov moves by lr / (1 - momentum) a cycle whatever c is") {
  for (const double c : {0.0, 0.1, 0.25}) {
    Stepped ours(delayed(4, c), {0});
    for (int t = 0; t < 800; ++t) ours.step(0.5F);
    const float before = ours.theta[0];
    for (int t = 0; t < 4; ++t) ours.step(0.5F);
    CHECK(before - ours.theta[0] == Approx(0.7 * 0.5 / 0.1).epsilon(1e-3));
  }
}

// Mutation: in DelayedNesterov::step_block, add the momentum on every arrival: let `last` be true.
TEST_CASE("plain Nesterov on every stale arrival diverges where delayed Nesterov settles") {
  // Four workers in turn bring the gradient of x^2 / 2 where they left from, three arrivals ago.
  const auto distance = [](const OuterOptions& options) {
    Stepped server(options, {1});
    std::deque<float> seen(4, 1.0F);
    for (int t = 0; t < 400; ++t) {
      server.step(0.3F * seen.front());
      seen.pop_front();
      seen.push_back(server.theta[0]);
      if (!(std::abs(server.theta[0]) < 1e6F)) return INFINITY;
    }
    return std::abs(server.theta[0]);
  };
  CHECK(distance({.lr = 0.7, .momentum = 0.9}) == INFINITY);
  CHECK(distance(delayed(4, 0)) < 1e-3);
  CHECK(distance({.optimizer = "sgd", .lr = 0.7}) < 1e-3);
}

// Mutation: in make_delayed_nesterov, leave a check out.
TEST_CASE("delayed Nesterov needs its workers and a c from 0 to 1/N") {
  CHECK(make_outer_optimizer(delayed(4, 0.25)).value_or_throw()->name() == "delayed_nesterov");
  CHECK(make_outer_optimizer(delayed(4, 0.26)).status().code() == Code::kInvalidArgument);
  CHECK(make_outer_optimizer(delayed(4, -0.01)).status().code() == Code::kInvalidArgument);
  CHECK(make_outer_optimizer(delayed(0, 0)).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace outrigger
