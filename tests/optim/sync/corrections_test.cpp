// Corrections of the inner gradients on islands with unlike data: island m pulls every value to a
// target of its own, with a stiffness of its own, so that its local steps drift from the others'.
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include <outrigger/optim/inner/sgd.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::corrections_test {
namespace {

constexpr std::size_t kIslands = 2;
constexpr std::int64_t kElements = 70;
constexpr double kLr = 0.05;
constexpr double kStiffness[kIslands] = {1.0, 3.0}, kTarget[kIslands] = {2.0, -1.0};
// Of the sum of both losses: (1 * 2 + 3 * -1) / 4.
constexpr double kOptimum = -0.25;

double gradient_of(std::size_t island, double theta) {
  return kStiffness[island] * (theta - kTarget[island]);
}

// One value of every island after the rounds, as DiLoCo ends with it.
double train(DiLoCoOptions options, int steps) {
  options.every = 10;
  options.outer = {.optimizer = "sgd", .lr = 1.0, .momentum = 0.0};
  std::vector<double> ends(kIslands);
  run_islands(kIslands, [&](Session& session, std::size_t island) {
    NamedTensors model = {{"w", at::full({kElements}, 0.5F)}};
    InnerOptions inner_options;
    inner_options.weight_decay = 0;
    InnerSgd inner(model, inner_options);
    DiLoCo diloco(session, model, options);
    for (int step = 0; step < steps; ++step) {
      model[0].tensor.mutable_grad() = at::zeros({kElements});
      for (std::int64_t i = 0; i < kElements; ++i)
        model[0].tensor.mutable_grad().data_ptr<float>()[i] =
            static_cast<float>(gradient_of(island, model[0].tensor.data_ptr<float>()[i]));
      diloco.correct_gradients();
      inner.step(kLr);
      diloco.step(1);
    }
    ends[island] = model[0].tensor.data_ptr<float>()[kElements - 1];
  });
  CHECK(ends[0] == ends[1]);
  return ends[0];
}

// The same in fp64, from the cards: SCAFFOLD's variates are the means of the last round's
// gradients.
double plain(bool control, double mu, int steps) {
  double global = 0.5, local[kIslands] = {0.5, 0.5}, own[kIslands] = {}, common = 0;
  double sum[kIslands] = {};
  for (int step = 1; step <= steps; ++step) {
    for (std::size_t m = 0; m < kIslands; ++m) {
      double g = gradient_of(m, local[m]);
      sum[m] += g;
      if (control) g += common - own[m];
      g += mu * (local[m] - global);
      local[m] -= kLr * g;
    }
    if (step % 10 != 0) continue;
    global = (local[0] + local[1]) / 2;
    common = 0;
    for (std::size_t m = 0; m < kIslands; ++m) {
      local[m] = global;
      own[m] = sum[m] / 10;
      common += own[m] / kIslands;
      sum[m] = 0;
    }
  }
  return global;
}

// Mutations: in FragmentSync::correct_gradients add to the sum after add_control; in take_variate
// decode from offset; in step_block leave shared_.variate alone.
TEST_CASE("control variates undo the drift of islands with unlike data") {
  DiLoCoOptions options;
  for (const int steps : {10, 20, 50, 300})
    CHECK(train(options, steps) == Approx(plain(false, 0, steps)).margin(1e-5));
  options.control_variates = true;
  for (const int steps : {10, 20, 50, 300})
    CHECK(train(options, steps) == Approx(plain(true, 0, steps)).margin(1e-5));
  CHECK(train(options, 600) == Approx(kOptimum).margin(1e-3));
  options.control_variates = false;
  CHECK(std::abs(train(options, 600) - kOptimum) > 0.05);
}

// Mutation: in correct_gradients give add_proximal the local values as the global ones.
TEST_CASE("FedProx pulls the inner steps to the global parameters") {
  DiLoCoOptions options;
  options.proximal = 0.8;
  for (const int steps : {10, 20, 100})
    CHECK(train(options, steps) == Approx(plain(false, 0.8, steps)).margin(1e-5));
}

}  // namespace
}  // namespace outrigger::corrections_test
