#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>
#include <set>

#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/weights.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using outrigger::test::read_file;
using outrigger::test::TemporaryFolder;

namespace {

Llama tiny_model(bool tied, std::uint64_t seed) {
  LlamaConfig config;
  config.vocab = 30, config.hidden = 16, config.layers = 2, config.heads = 2, config.kv_heads = 1;
  config.head_dim = 6, config.ffn = 24, config.tied = tied;
  Llama model(config);
  model.init(seed);
  return model;
}

bool same_weights(const Llama& a, const Llama& b) {
  bool same = a.parameters().size() == b.parameters().size();
  for (std::size_t i = 0; same && i < a.parameters().size(); ++i)
    same = a.parameters()[i].name == b.parameters()[i].name &&
           at::equal(a.parameters()[i].tensor, b.parameters()[i].tensor);
  return same;
}

NamedTensors detached(const Llama& model) {
  NamedTensors all;
  for (const NamedTensor& entry : model.parameters())
    all.push_back({entry.name, entry.tensor.detach().clone()});
  return all;
}

void check_load_refused(const NamedTensors& weights, const std::vector<std::string>& words) {
  const Llama model = tiny_model(false, 2), untouched = tiny_model(false, 2);
  const Status status = copy_into(weights, model, "the file");
  INFO(status.message());
  CHECK(status.code() == Code::kFailedPrecondition);
  for (const std::string& word : words) CHECK(status.message().find(word) != std::string::npos);
  CHECK(same_weights(model, untouched));
}

}  // namespace

// Mutation: in Llama's constructor, add the head as a parameter also where it is tied.
TEST_CASE("a saved model folder loads to the same weights") {
  const bool tied = GENERATE(false, true);
  const TemporaryFolder folder;
  const Llama model = tiny_model(tied, 1);
  REQUIRE(save_llama(folder.path(), model, 64).ok());
  const Llama read = load_llama(folder.path()).value_or_throw();
  CHECK(read.config() == model.config());
  CHECK(same_weights(read, model));
  const auto file = SafetensorsFile::open(folder.path("model.safetensors")).value_or_throw();
  CHECK(file.entries().contains("lm_head.weight") == !tied);
}

// Mutation: in cut(), never reset `bytes`.
TEST_CASE("a sharded folder loads to the same weights") {
  const TemporaryFolder folder;
  const Llama model = tiny_model(false, 1);
  constexpr std::uint64_t kLimit = 4096;
  REQUIRE(save_llama(folder.path(), model, 64, kLimit).ok());
  CHECK_FALSE(std::filesystem::exists(folder.path("model.safetensors")));
  CHECK(same_weights(load_llama(folder.path()).value_or_throw(), model));

  const auto index = nlohmann::json::parse(read_file(folder.path("model.safetensors.index.json")));
  CHECK(index["metadata"]["total_size"] == 4 * parameter_count(model.config()));
  CHECK(index["weight_map"].size() == model.parameters().size());
  std::set<std::string> files;
  for (const auto& [name, file] : index["weight_map"].items())
    files.insert(file.get<std::string>());
  CHECK(files.size() == 5);
  CHECK(*files.begin() == "model-00001-of-00005.safetensors");
  for (const std::string& name : files) {
    std::uint64_t bytes = 0;
    for (const NamedTensor& entry :
         SafetensorsFile::open(folder.path(name)).value_or_throw().tensors())
      bytes += entry.tensor.nbytes();
    CHECK(bytes <= kLimit);
  }
}

// Mutation: in copy_into(), skip the check of shapes.
TEST_CASE("weights that do not fit are refused by name and shape, and nothing is copied") {
  NamedTensors weights = detached(tiny_model(false, 1));
  weights[1].tensor = at::zeros({3, 5});
  check_load_refused(
      weights, {"'model.layers.0.self_attn.q_proj.weight' has shape [3, 5], the model has [12, 16]",
                "the file"});
  weights = detached(tiny_model(false, 1));
  weights.pop_back();
  check_load_refused(weights, {"'lm_head.weight' [30, 16] is missing"});
  weights = detached(tiny_model(false, 1));
  weights.push_back({"model.layers.7.mlp.up_proj.weight", at::zeros({2})});
  check_load_refused(weights, {"'model.layers.7.mlp.up_proj.weight' [2] is not in the model"});
  weights = detached(tiny_model(false, 1));
  weights.push_back(weights.front());
  check_load_refused(weights, {"'model.embed_tokens.weight' is there twice"});
  weights = detached(tiny_model(false, 1));
  weights.front().tensor = weights.front().tensor.to(at::kLong);
  check_load_refused(weights, {"'model.embed_tokens.weight' holds no floating-point values"});
  check_load_refused({}, {"is missing", "and 13 more"});
}

// Mutation: in copy_into(), let a tied model drop any head that is given.
TEST_CASE("a tied model takes a head that equals its embedding and no other") {
  const Llama source = tiny_model(true, 1), model = tiny_model(true, 2);
  NamedTensors weights = detached(source);
  weights.push_back({"lm_head.weight", weights.front().tensor.clone()});
  CHECK(copy_into(weights, model, "x").ok());
  CHECK(same_weights(model, source));
  weights.back().tensor[0][0] += 1;
  CHECK(copy_into(weights, model, "x").message().find("'lm_head.weight'") != std::string::npos);
}

// Mutation: in copy_into(), refuse whatever is not fp32.
TEST_CASE("half-precision weights become fp32 exactly") {
  const at::ScalarType dtype = GENERATE(at::kBFloat16, at::kHalf);
  const TemporaryFolder folder;
  const Llama model = tiny_model(false, 1);
  NamedTensors weights = detached(model);
  for (NamedTensor& entry : weights) entry.tensor = entry.tensor.to(dtype);
  REQUIRE(save_llama(folder.path(), model, 64).ok());
  REQUIRE(write_safetensors(folder.path("model.safetensors"), weights).ok());
  const Llama read = load_llama(folder.path()).value_or_throw();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    CHECK(read.parameters()[i].tensor.scalar_type() == at::kFloat);
    CHECK(at::equal(read.parameters()[i].tensor, weights[i].tensor.to(at::kFloat)));
  }
}

// Mutation: in shard_files(), drop the comparison with filename().
TEST_CASE("a bad model folder is refused") {
  const TemporaryFolder folder;
  const Llama model = tiny_model(false, 1);
  CHECK(load_llama(folder.path()).status().code() == Code::kNotFound);
  CHECK(load_weights(folder.path(), model).code() == Code::kNotFound);
  const auto with_index = [&](const std::string& text) {
    folder.write("model.safetensors.index.json", text);
    return load_weights(folder.path(), model);
  };
  CHECK(with_index("{").code() == Code::kCorruption);
  CHECK(with_index(R"({"weight_map": {"a": 3}})").code() == Code::kCorruption);
  const Status outside = with_index(R"({"weight_map": {"a": "../secret"}})");
  CHECK(outside.message().find("outside the folder") != std::string::npos);
  CHECK(with_index(R"({"weight_map": {"a": "gone.safetensors"}})").code() == Code::kNotFound);
  CHECK(save_llama(folder.path("none"), model, 64).code() != Code::kOk);
}
