#include <outrigger/framework/model/config.h>

#include <nlohmann/json.hpp>

#include "support/catch.h"

using namespace outrigger;

namespace {

nlohmann::json minimal() {
  return {{"model_type", "llama"},    {"vocab_size", 61},       {"hidden_size", 24},
          {"intermediate_size", 40},  {"num_hidden_layers", 2}, {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"rms_norm_eps", 1e-5},   {"tie_word_embeddings", true}};
}

Result<LlamaConfig> parse(const nlohmann::json& json) {
  return parse_llama_config(json.dump(), "config.json");
}

void check_refused(const std::string& key, const nlohmann::json& value) {
  nlohmann::json json = minimal();
  json[key] = value;
  const Status status = parse(json).status();
  INFO(key << ": " << status.message());
  CHECK_FALSE(status.ok());
  CHECK(status.message().find("config.json") != std::string::npos);
  CHECK(status.message().find("\"" + key + "\"") != std::string::npos);
}

}  // namespace

// Mutation: in rope_theta(), do not look into "rope_parameters".
TEST_CASE("both spellings of the rotary base are read") {
  nlohmann::json four = minimal(), five = minimal();
  four["rope_theta"] = 500.0, four["torch_dtype"] = "float32", four["rope_scaling"] = nullptr;
  five["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 500.0}},
  five["dtype"] = "float32";
  const LlamaConfig read = parse(four).value_or_throw();
  CHECK(read.rope_theta == 500.0);
  CHECK(parse(five).value_or_throw() == read);
}

// Mutation: in parse_llama_config(), let head_dim default to 64.
TEST_CASE("absent fields have transformers' defaults") {
  const LlamaConfig config = parse(minimal()).value_or_throw();
  CHECK(config.head_dim == 6);
  CHECK(config.rope_theta == 10000.0);
  CHECK(config.tied);
  CHECK(config.kv_heads == 2);
  nlohmann::json json = minimal();
  json.erase("num_key_value_heads"), json.erase("tie_word_embeddings");
  CHECK(parse(json).value_or_throw().kv_heads == 4);
  CHECK_FALSE(parse(json).value_or_throw().tied);
}

// Mutation: in parse_llama_config(), drop the line with "attention_bias".
TEST_CASE("what the model would compute differently is refused by name") {
  check_refused("model_type", "mistral");
  check_refused("architectures", {"MistralForCausalLM"});
  check_refused("attention_bias", true);
  check_refused("mlp_bias", true);
  check_refused("hidden_act", "gelu");
  check_refused("quantization_config", {{"bits", 4}});
  check_refused("rope_scaling", {{"type", "linear"}, {"factor", 2.0}});
  check_refused("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}});
  check_refused("rope_parameters", {{"rope_type", "yarn"}, {"rope_theta", 1e4}});
  check_refused("rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}});
  check_refused("partial_rotary_factor", 0.5);
}

// Mutation: in Fields::integer(), accept any number.
TEST_CASE("ill-typed and impossible fields are refused by name") {
  check_refused("vocab_size", "61");
  check_refused("hidden_size", 24.5);
  check_refused("rms_norm_eps", "small");
  check_refused("tie_word_embeddings", 1);
  check_refused("rope_parameters", 3);
  nlohmann::json json = minimal();
  json.erase("vocab_size");
  CHECK(parse(json).status().message().find("lacks \"vocab_size\"") != std::string::npos);
  json = minimal();
  json["num_key_value_heads"] = 3;
  CHECK(parse(json).status().message().find("no multiple of kv_heads (3)") != std::string::npos);
  json = minimal();
  json["num_hidden_layers"] = -1;
  CHECK(parse(json).status().message().find("layers is -1") != std::string::npos);
  json = minimal();
  json["num_attention_heads"] = 0;
  CHECK(parse(json).status().message().find("heads is 0") != std::string::npos);
  CHECK(parse_llama_config("{\"vocab", "x").status().code() == Code::kCorruption);
  CHECK(read_llama_config("/nonexistent/config.json").status().code() == Code::kNotFound);
}

// Mutation: in llama_config_json(), leave "head_dim" out.
TEST_CASE("a written config reads back and speaks both spellings") {
  LlamaConfig config;
  config.head_dim = 48, config.kv_heads = 2, config.rope_theta = 123.0, config.norm_eps = 3e-6;
  config.tied = true, config.init_std = 0.01;
  const std::string text = llama_config_json(config, 512);
  CHECK(parse_llama_config(text, "x").value_or_throw() == config);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["rope_theta"] == 123.0);
  CHECK(json["rope_parameters"]["rope_theta"] == 123.0);
  CHECK(json["torch_dtype"] == json["dtype"]);
  CHECK(json["max_position_embeddings"] == 512);
}

// Mutation: in parameter_count(), count a tied head too.
TEST_CASE("the parameters are counted") {
  LlamaConfig config;
  CHECK(parameter_count(config) == 869504);
  config.tied = true;
  CHECK(parameter_count(config) == 869504 - 256 * 128);
}
