#include <ATen/ops/zeros.h>

#include <outrigger/optim/sync/fragment.h>

#include "support/catch.h"

namespace outrigger {
namespace {

using Assigned = std::vector<std::uint32_t>;

// Embedding, five blocks of two tensors, norm, head: as a Llama's are named.
std::vector<NamedSize> llama() {
  std::vector<NamedSize> all = {{"model.embed_tokens.weight", 500}};
  for (int block = 0; block < 5; ++block) {
    all.emplace_back("model.layers." + std::to_string(block) + ".self_attn.q_proj.weight", 60);
    all.emplace_back("model.layers." + std::to_string(block) + ".mlp.up_proj.weight", 40);
  }
  all.emplace_back("model.norm.weight", 10);
  all.emplace_back("lm_head.weight", 500);
  return all;
}

Assigned assigned(const std::vector<NamedSize>& parameters, std::uint32_t count,
                  const std::string& pattern) {
  return assign_fragments(parameters, {count, pattern, {}}).value_or_throw();
}

// Mutation: in block_of take the last number.
TEST_CASE("a parameter's block is the first whole number in its name") {
  CHECK(block_of("model.layers.12.mlp.3.weight") == 12);
  CHECK(block_of("transformer.h.0.attn.c_attn.weight") == 0);
  CHECK(block_of("7") == 7);
  CHECK(block_of("model.layers.x1.weight") == -1);
  CHECK(block_of("model.layers.1x.weight") == -1);
  CHECK(block_of("model.layers.-1.weight") == -1);
  CHECK(block_of("lm_head.weight") == -1);
  CHECK(block_of("") == -1);
}

// Mutations: `index / options.count` for strided; the embedding into fragment 0 always.
TEST_CASE("blocks go to fragments in turn or by neighbourhood, the rest to the lightest") {
  // Strided over 2: blocks 0, 2, 4 and 1, 3. The embedding joins the lighter one, then the norm and
  // the head the one that is lighter then.
  CHECK(assigned(llama(), 2, "strided") == Assigned{1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0});
  CHECK(assigned(llama(), 2, "sequential") == Assigned{1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0});
  CHECK(assigned(llama(), 1, "strided") == Assigned(13, 0));
}

// Mutation: in `balanced` leave out the sorting.
TEST_CASE("a model without numbered blocks is balanced by size") {
  const std::vector<NamedSize> parameters = {{"a", 10}, {"b", 20}, {"c", 70}, {"d", 60}};
  CHECK(assigned(parameters, 2, "strided") == Assigned{0, 1, 0, 1});
  CHECK(assigned(llama(), 2, "balanced")[0] != assigned(llama(), 2, "balanced")[12]);
}

// Mutation: in first_fit look at the fragments from the last one.
TEST_CASE("patterns of names cut as they say, the first that fits first") {
  const FragmentOptions options{1, "strided", {"*.layers.0.* *.layers.1.*", "*.layers.*", "*"}};
  CHECK(assign_fragments(llama(), options).value_or_throw() ==
        Assigned{2, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2});
}

// Mutation (each): leave out the check.
TEST_CASE("a cut that cannot be is refused with the reason") {
  const auto refused = [](const FragmentOptions& options, const std::string& because) {
    const auto result = assign_fragments(llama(), options);
    return !result.ok() && result.status().message().find(because) != std::string::npos;
  };
  CHECK(refused({0, "strided", {}}, "at least 1 fragment"));
  CHECK(refused({9, "strided", {}}, "the model has 5 blocks"));
  CHECK(refused({14, "balanced", {}}, "the model has 13 tensors"));
  CHECK(refused({2, "zigzag", {}}, "strided, sequential, balanced"));
  CHECK(refused({1, "strided", {"*.layers.*", "*.norm.*"}}, "'model.embed_tokens.weight'"));
  CHECK(refused({1, "strided", {"*", "*.norm.*"}}, "fragment 1 of 2 would be empty"));
}

// Mutation: in cut_fragments push the border after the tensor is added.
TEST_CASE("a fragment's borders say where its tensors lie, in the training's own memory") {
  NamedTensors model;
  for (const auto& [name, elements] : llama())
    model.push_back({name, at::zeros({static_cast<std::int64_t>(elements)})});
  const auto fragments = cut_fragments(model, {2, "strided", {}}).value_or_throw();
  REQUIRE(fragments.size() == 2);
  CHECK(fragments[1].borders == Borders{0, 500, 560, 600, 660, 700});
  CHECK(fragments[1].local.elements() == 700);
  CHECK(fragments[1].local.spans()[0].data() == model[0].tensor.data_ptr<float>());
  CHECK(fragments[0].parameters.back().name == "lm_head.weight");
}

}  // namespace
}  // namespace outrigger
