#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/utils/clip_grad.h>

#include <cmath>
#include <limits>

#include <outrigger/optim/inner/clip.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

NamedTensors with_gradients() {
  NamedTensors all{{"a", at::zeros({30, 7})}, {"b", at::zeros({5})}};
  for (NamedTensor& entry : all) {
    entry.tensor.requires_grad_(true);
    entry.tensor.mutable_grad() = at::randn(entry.tensor.sizes());
  }
  return all;
}

}  // namespace

// Mutation: in clip.cpp, clip each gradient by its own norm.
TEST_CASE("clipping follows torch::nn::utils::clip_grad_norm_") {
  const double max_norm = GENERATE(0.01, 1.0, 1000.0);
  const NamedTensors ours = with_gradients();
  std::vector<at::Tensor> theirs;
  for (const NamedTensor& entry : ours) {
    theirs.push_back(entry.tensor.detach().clone().requires_grad_(true));
    theirs.back().mutable_grad() = entry.tensor.grad().clone();
  }
  const double norm = torch::nn::utils::clip_grad_norm_(theirs, max_norm);
  CHECK(clip_grad_norm(ours, max_norm) == Approx(norm).epsilon(1e-6));
  for (std::size_t i = 0; i < ours.size(); ++i)
    CHECK(ours[i].tensor.grad().sub(theirs[i].grad()).abs().max().item<double>() < 1e-6);
}

// Mutation: in clip.cpp, clip also where max_norm is 0.
TEST_CASE("a limit of 0 measures and leaves the gradients") {
  const NamedTensors all = with_gradients();
  const at::Tensor before = all[0].tensor.grad().clone();
  CHECK(clip_grad_norm(all, 0) > 10);
  CHECK(at::equal(all[0].tensor.grad(), before));
  CHECK(clip_grad_norm({}, 1) == 0);
}

// Mutation: in clip.cpp, scale where scale < 1 instead of where not scale >= 1.
TEST_CASE("a gradient that is not finite shows in the norm and leaves no gradient but NaN and 0") {
  const float bad =
      GENERATE(std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN());
  const NamedTensors all = with_gradients();
  at::Tensor(all[0].tensor).mutable_grad()[0][0] = bad;
  CHECK_FALSE(std::isfinite(clip_grad_norm(all, 1.0)));
  CHECK(all[0].tensor.grad()[0][0].isnan().item<bool>());
  const at::Tensor& other = all[1].tensor.grad();
  CHECK((std::isnan(bad) ? other.isnan() : other.eq(0)).all().item<bool>());
}
