#include "optim/outer/scalar_steps.h"

namespace outrigger {
namespace {

// Mutation: in HeavyBall::step_block, move by g[i] + momentum_ * buffer[i] (Nesterov).
TEST_CASE("heavy ball equals its formula in double over 40 steps") {
  Stepped ours({.optimizer = "heavy_ball", .lr = 0.5, .momentum = 0.8}, {1, 2, 3, 4});
  std::vector<double> theta = {1, 2, 3, 4}, b(4, 0);
  for (std::uint64_t t = 0; t < 40; ++t) {
    std::vector<float> g;
    for (std::size_t i = 0; i < 4; ++i) g.push_back(gradient(t, i));
    const double factor = t < 20 ? 1 : 0.25;
    ours.step(g, factor);
    for (std::size_t i = 0; i < 4; ++i) {
      b[i] = 0.8 * b[i] + g[i];
      theta[i] -= 0.5 * factor * b[i];
    }
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(ours.theta[i] == Approx(theta[i]).epsilon(1e-5));
}

// Mutation: make "heavy_ball" a Nesterov in the registry.
TEST_CASE("heavy ball is not Nesterov: its first step is lr g, not lr (1 + momentum) g") {
  Stepped ball({.optimizer = "heavy_ball", .lr = 0.5, .momentum = 0.9}, {0});
  Stepped nesterov({.optimizer = "nesterov", .lr = 0.5, .momentum = 0.9}, {0});
  ball.step(2);
  nesterov.step(2);
  CHECK(ball.theta[0] == Approx(-1));
  CHECK(nesterov.theta[0] == Approx(-1.9));
  CHECK(ball.rule->name() == "heavy_ball");
}

// Mutation: in heavy_ball.h, let linear() give {lr_, 1, momentum_, momentum_}.
TEST_CASE("the linear form of each linear outer optimizer is the step that it takes") {
  for (const char* name : {"sgd", "nesterov", "heavy_ball"}) {
    INFO(name);
    Stepped ours({.optimizer = name, .lr = 0.3, .momentum = 0.7}, {1});
    const LinearStep form = ours.rule->linear().value();
    double theta = 1, b = 0;
    for (std::uint64_t t = 0; t < 10; ++t) {
      const float g = gradient(t, 0);
      ours.step(g);
      b = form.momentum * b + g;
      theta -= form.lr * (form.direct * g + form.buffered * b);
    }
    CHECK(ours.theta[0] == Approx(theta).epsilon(1e-5));
  }
  for (const char* name : {"adam", "adagrad", "yogi"})
    CHECK_FALSE(make_outer_optimizer({.optimizer = name}).value_or_throw()->linear().has_value());
}

}  // namespace
}  // namespace outrigger
