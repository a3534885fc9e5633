#include <outrigger/optim/inner/newton_schulz.h>

#include <ATen/ops/diag.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "optim/inner/leaves.h"
#include "optim/inner/scalar_matrix.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

std::span<const NewtonSchulzStep> some_steps() {
  return GENERATE(0, 1) == 0 ? std::span<const NewtonSchulzStep>(kMuLoCoSteps)
                             : std::span<const NewtonSchulzStep>(kKellerSteps);
}

}  // namespace

// Mutation: change a digit of any of the coefficients.
TEST_CASE("Newton-Schulz has the cards' coefficients") {
  const double muloco[5][3] = {{4.0848, -6.8946, 2.9270},
                               {3.9505, -6.3029, 2.6377},
                               {3.7418, -5.5913, 2.3037},
                               {2.8769, -3.1427, 1.2046},
                               {2.8366, -3.0525, 1.2012}};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(kMuLoCoSteps[i].a == muloco[i][0]);
    CHECK(kMuLoCoSteps[i].b == muloco[i][1]);
    CHECK(kMuLoCoSteps[i].c == muloco[i][2]);
    CHECK(kKellerSteps[i].a == 3.4445);
    CHECK(kKellerSteps[i].b == -4.7750);
    CHECK(kKellerSteps[i].c == 2.0315);
  }
}

// Mutation: in newton_schulz.cpp swap b and c; or add 1e-7 to the square of the norm.
TEST_CASE("Newton-Schulz follows plain loops over doubles, wide and tall") {
  const auto steps = some_steps();
  const bool tall = GENERATE(false, true);
  const at::Tensor matrix = tall ? at::randn({9, 4}) : at::randn({4, 9});
  const double scale = GENERATE(1.0, 1e-7, 1e6);  // at 1e-7 the norm's 1e-7 counts
  const at::Tensor scaled = matrix.mul(scale);
  const ScalarMatrix expected =
      scalar_newton_schulz({static_cast<std::size_t>(scaled.size(0)),
                            static_cast<std::size_t>(scaled.size(1)), values(scaled)},
                           steps);
  const at::Tensor u = newton_schulz(scaled, steps);
  REQUIRE(u.sizes() == matrix.sizes());
  for (std::size_t i = 0; i < expected.x.size(); ++i)
    CHECK(values(u)[i] == Approx(expected.x[i]).margin(2e-4));
}

// Mutation: leave the last step out.
TEST_CASE("Newton-Schulz makes singular values near 1 and keeps the singular vectors") {
  const auto steps = some_steps();
  const double largest_error = steps.data() == kMuLoCoSteps.data() ? 0.04 : 0.33;
  const at::Tensor a = GENERATE(0, 1) == 0 ? at::randn({40, 16}) : at::randn({16, 40});
  const auto [u, s, v] = at::linalg_svd(a, /*full_matrices=*/false);
  const std::vector<double> spread = {1,   0.9,  0.7,  0.5,  0.4,  0.3,  0.2,  0.15,
                                      0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03};
  const at::Tensor diagonal = at::diag(at::tensor(spread, at::kFloat));
  const at::Tensor result = newton_schulz(u.mm(diagonal).mm(v), steps);
  for (const double value : values(at::linalg_svdvals(result)))
    CHECK(value == Approx(1).margin(largest_error));
  const at::Tensor core = u.t().mm(result).mm(v.t());
  CHECK(core.sub(at::diag(core.diag())).abs().max().item<double>() < 1e-3);
}

// Mutation: in newton_schulz.cpp tall = false.
TEST_CASE("Newton-Schulz of a tall matrix is that of its transpose to the bit") {
  const auto steps = some_steps();
  const at::Tensor wide = at::randn({12, 50});
  CHECK(at::equal(newton_schulz(wide.t(), steps), newton_schulz(wide, steps).t()));
}

// Mutation: in newton_schulz.cpp leave the 1e-7 out (0/0).
TEST_CASE("Newton-Schulz of zeros is zeros") {
  CHECK(at::equal(newton_schulz(at::zeros({3, 5}), kMuLoCoSteps), at::zeros({3, 5})));
}
