#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <outrigger/optim/inner/groups.h>

#include "optim/inner/leaves.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

NamedTensor of_shape(const char* name, std::vector<std::int64_t> shape) {
  return {name, at::zeros(shape)};
}

}  // namespace

// Mutation: in decays(), dim() >= 1.
TEST_CASE("decay is everyone's or that of what has two or more dimensions") {
  for (const NamedTensor& each :
       {of_shape("scalar", {}), of_shape("norm.weight", {8}), of_shape("bias", {1})}) {
    CHECK(decays(each, "all"));
    CHECK_FALSE(decays(each, "matrices"));
  }
  for (const NamedTensor& each :
       {of_shape("embed", {8, 2}), of_shape("convolution", {4, 2, 3}), of_shape("row", {1, 8})}) {
    CHECK(decays(each, "all"));
    CHECK(decays(each, "matrices"));
  }
}

// Mutation: in is_hidden_matrix(), dim() >= 2; or starts_with(part) for find(part).
TEST_CASE("hidden matrices are those of two dimensions whose name is not set apart") {
  const std::vector<std::string> outside = InnerOptions{}.muon_outside;
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
    CHECK(is_hidden_matrix(
        of_shape((std::string("model.layers.3.self_attn.") + name + ".weight").c_str(), {8, 8}),
        outside));
  for (const char* name : {"gate_proj", "up_proj", "down_proj"})
    CHECK(is_hidden_matrix(
        of_shape((std::string("model.layers.0.mlp.") + name + ".weight").c_str(), {8, 4}),
        outside));
  CHECK_FALSE(is_hidden_matrix(of_shape("model.embed_tokens.weight", {256, 8}), outside));
  CHECK_FALSE(is_hidden_matrix(of_shape("lm_head.weight", {256, 8}), outside));
  CHECK_FALSE(is_hidden_matrix(of_shape("model.layers.0.input_layernorm.weight", {8}), outside));
  CHECK_FALSE(is_hidden_matrix(of_shape("convolution.weight", {8, 4, 3}), outside));
  CHECK(is_hidden_matrix(of_shape("model.embed_tokens.weight", {256, 8}), {}));
  CHECK_FALSE(is_hidden_matrix(of_shape("wte.weight", {256, 8}), {"wte"}));
}

// Mutation: leave the question to decays() out of any one optimizer's step.
TEST_CASE("with decay matrices vectors step as without weight decay, matrices as with it") {
  const std::string optimizer = GENERATE("adamw", "sgd", "lion", "muon");
  InnerOptions options{.optimizer = optimizer, .weight_decay = 0.5};
  NamedTensors ours = {leaf("norm", {9}), leaf("matrix", {4, 6}), leaf("lm_head", {5, 4})};
  set_random_gradients(ours);
  const NamedTensors decayed = copies_of(ours), free = copies_of(ours);
  make_inner_optimizer(options, decayed).value_or_throw()->step(0.1);
  options.decay = "matrices";
  make_inner_optimizer(options, ours).value_or_throw()->step(0.1);
  options.weight_decay = 0;
  make_inner_optimizer(options, free).value_or_throw()->step(0.1);
  INFO(optimizer);
  CHECK(at::equal(ours[0].tensor, free[0].tensor));
  CHECK_FALSE(at::equal(ours[0].tensor, decayed[0].tensor));
  for (std::size_t i : {1, 2}) {
    CHECK(at::equal(ours[i].tensor, decayed[i].tensor));
    CHECK_FALSE(at::equal(ours[i].tensor, free[i].tensor));
  }
}

// Mutation: in registry.cpp leave one of the known() lines out.
TEST_CASE("inner options that do not exist are refused by what there is") {
  const auto refusal = [](const InnerOptions& options) {
    const Status status = make_inner_optimizer(options, {}).status();
    CHECK(status.code() == Code::kNotFound);
    return status.message();
  };
  CHECK(refusal({.optimizer = "adam"}) ==
        "there is no inner optimizer 'adam'; there are adamw, sgd, lion, muon");
  CHECK(refusal({.decay = "norms"}) == "there is no decay rule 'norms'; there are all, matrices");
  CHECK(refusal({.newton_schulz = "x"}).ends_with("'x'; there are muloco, keller"));
  CHECK(refusal({.scale = "x"}).ends_with("'x'; there are spectral_norm, rms_norm"));
  for (const char* name : {"lion", "muon"})
    CHECK(make_inner_optimizer({.optimizer = name}, {}).value_or_throw()->name() == name);
}

// Mutation: in Muon's or Lion's state() leave the momentum out; in Muon's, rest_'s.
TEST_CASE("Lion and Muon with a loaded state go on to the same bits") {
  InnerOptions options{.optimizer = GENERATE("lion", "muon")};
  const NamedTensors first = {leaf("embed", {5, 4}), leaf("matrix", {4, 6}), leaf("norm", {4})};
  auto source = make_inner_optimizer(options, first).value_or_throw();
  for (int i = 0; i < 3; ++i) {
    set_random_gradients(first);
    source->step(1e-2);
  }
  set_random_gradients(first);
  const NamedTensors second = copies_of(first), unloaded = copies_of(first);
  auto resumed = make_inner_optimizer(options, second).value_or_throw();
  NamedTensors saved;
  for (const NamedTensor& entry : source->state())
    saved.push_back({entry.name, entry.tensor.clone()});
  REQUIRE(resumed->load_state(saved).ok());
  source->step(1e-2);
  resumed->step(1e-2);
  make_inner_optimizer(options, unloaded).value_or_throw()->step(1e-2);
  INFO(options.optimizer);
  bool state_matters = false;
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(at::equal(first[i].tensor, second[i].tensor));
    state_matters |= !at::equal(first[i].tensor, unloaded[i].tensor);
  }
  CHECK(state_matters);
}

// Mutation: in Lion's or Muon's step(), take a gradient of zeros for one that is not there.
TEST_CASE("Lion and Muon leave parameters without a gradient and their momentum alone") {
  auto all = NamedTensors{leaf("embed", {5, 4}), leaf("matrix", {4, 6}), leaf("norm", {4})};
  auto optimizer =
      make_inner_optimizer({.optimizer = GENERATE("lion", "muon")}, all).value_or_throw();
  set_random_gradients(all);
  optimizer->step(1e-2);
  optimizer->zero_grad();
  const NamedTensors before = copies_of(all);
  NamedTensors moments;
  for (const NamedTensor& entry : optimizer->state())
    moments.push_back({entry.name, entry.tensor.clone()});
  optimizer->step(1e-2);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(at::equal(all[i].tensor, before[i].tensor));
  const NamedTensors after = optimizer->state();
  for (std::size_t i = 0; i < after.size(); ++i)
    if (after[i].name != "step") CHECK(at::equal(after[i].tensor, moments[i].tensor));
}
