#include <outrigger/framework/model/config.h>

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;

constexpr std::int64_t kMaxSize = std::int64_t{1} << 24;  // of any one dimension

// Reads fields of one JSON object and keeps the first complaint.
class Fields {
 public:
  Fields(const SortedJson& object, const std::string& source) : object_(object), source_(source) {}

  bool has(const char* key) const { return object_.contains(key) && !object_.at(key).is_null(); }

  std::int64_t integer(const char* key) {
    if (!has(key)) return fail(fmt::format("lacks \"{}\"", key)), 0;
    return integer(key, 0);
  }
  std::int64_t integer(const char* key, std::int64_t absent) {
    if (!has(key)) return absent;
    const SortedJson& value = object_.at(key);
    if (value.is_number_integer()) return value.get<std::int64_t>();
    fail(fmt::format("has \"{}\": {}, which is not an integer", key, value.dump()));
    return absent;
  }
  double number(const char* key, double absent) {
    if (!has(key)) return absent;
    const SortedJson& value = object_.at(key);
    if (value.is_number()) return value.get<double>();
    fail(fmt::format("has \"{}\": {}, which is not a number", key, value.dump()));
    return absent;
  }
  bool boolean(const char* key, bool absent) {
    if (!has(key)) return absent;
    const SortedJson& value = object_.at(key);
    if (value.is_boolean()) return value.get<bool>();
    fail(fmt::format("has \"{}\": {}, which is neither true nor false", key, value.dump()));
    return absent;
  }
  // A field that, where it is given, must have this one value.
  void require(const char* key, const SortedJson& only) {
    if (!has(key) || object_.at(key) == only) return;
    fail(fmt::format("has \"{}\": {}; this model computes only {}", key, object_.at(key).dump(),
                     only.dump()));
  }
  void fail(const std::string& what) {
    if (status_.ok())
      status_ = Status(Code::kFailedPrecondition, fmt::format("{} {}", source_, what));
  }
  Status status() const { return status_; }

 private:
  const SortedJson& object_;
  const std::string& source_;
  Status status_;
};

// rope_theta from either spelling. Anything but the default rotation is refused.
double rope_theta(const SortedJson& object, Fields& fields, const std::string& source) {
  const double top = fields.number("rope_theta", LlamaConfig{}.rope_theta);
  fields.require("partial_rotary_factor", 1.0);
  double theta = top;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!fields.has(key)) continue;
    const SortedJson& nested = object.at(key);
    if (!nested.is_object()) {
      fields.fail(fmt::format("has \"{}\": {}, which is not an object", key, nested.dump()));
      continue;
    }
    const std::string where = fmt::format("{}: \"{}\"", source, key);
    Fields inner(nested, where);
    inner.require("rope_type", "default");
    inner.require("type", "default");
    inner.require("partial_rotary_factor", 1.0);
    theta = inner.number("rope_theta", theta);
    if (!inner.status().ok()) fields.fail(inner.status().message().substr(source.size() + 2));
  }
  return theta;
}

}  // namespace

Status validate(const LlamaConfig& c) {
  std::vector<std::string> faults;
  const auto size = [&](const char* name, std::int64_t value) {
    if (value < 1 || value > kMaxSize)
      faults.push_back(fmt::format("{} is {}; it must be 1 to {}", name, value, kMaxSize));
  };
  size("vocab", c.vocab);
  size("hidden", c.hidden);
  size("layers", c.layers);
  size("heads", c.heads);
  size("kv_heads", c.kv_heads);
  size("head_dim", c.head_dim);
  size("ffn", c.ffn);
  if (faults.empty() && c.heads % c.kv_heads != 0)
    faults.push_back(
        fmt::format("heads ({}) is no multiple of kv_heads ({})", c.heads, c.kv_heads));
  if (c.head_dim % 2 != 0)
    faults.push_back(fmt::format("head_dim is {}; rotary embedding needs an even one", c.head_dim));
  if (!(c.rope_theta > 0))
    faults.push_back(fmt::format("rope_theta is {}; it must be > 0", c.rope_theta));
  if (!(c.norm_eps > 0))
    faults.push_back(fmt::format("norm_eps is {}; it must be > 0", c.norm_eps));
  if (!(c.init_std > 0))
    faults.push_back(fmt::format("init_std is {}; it must be > 0", c.init_std));
  if (faults.empty()) return {};
  return {Code::kInvalidArgument,
          fmt::format("the model's sizes do not work: {}", fmt::join(faults, "; "))};
}

std::int64_t parameter_count(const LlamaConfig& c) {
  const std::int64_t attention = c.hidden * c.head_dim * (2 * c.heads + 2 * c.kv_heads);
  const std::int64_t layer = attention + 3 * c.hidden * c.ffn + 2 * c.hidden;
  return c.vocab * c.hidden * (c.tied ? 1 : 2) + c.layers * layer + c.hidden;
}

Result<LlamaConfig> parse_llama_config(std::string_view text, const std::string& source) {
  const SortedJson object = SortedJson::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object())
    return Status(Code::kCorruption, fmt::format("{} is not a JSON object", source));
  Fields fields(object, source);
  fields.require("model_type", "llama");
  fields.require("architectures", SortedJson::array({"LlamaForCausalLM"}));
  fields.require("hidden_act", "silu");
  fields.require("attention_bias", false);
  fields.require("mlp_bias", false);
  fields.require("pretraining_tp", 1);
  fields.require("quantization_config", nullptr);

  LlamaConfig c;
  c.vocab = fields.integer("vocab_size");
  c.hidden = fields.integer("hidden_size");
  c.layers = fields.integer("num_hidden_layers");
  c.heads = fields.integer("num_attention_heads");
  c.ffn = fields.integer("intermediate_size");
  c.kv_heads = fields.integer("num_key_value_heads", c.heads);
  c.head_dim = fields.integer("head_dim", c.heads > 0 ? c.hidden / c.heads : 0);
  c.rope_theta = rope_theta(object, fields, source);
  c.norm_eps =
      fields.number("rms_norm_eps", 1e-6);  // transformers' default where the field is absent
  c.tied = fields.boolean("tie_word_embeddings", false);
  c.init_std = fields.number("initializer_range", 0.02);
  if (!fields.status().ok()) return fields.status();
  if (const Status status = validate(c); !status.ok()) return status.with_context(source);
  return c;
}

Result<LlamaConfig> read_llama_config(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return Status(
        Code::kNotFound,
        fmt::format("cannot open {}; a Hugging Face model folder has one", file.string()));
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  return parse_llama_config(text, file.string());
}

std::string llama_config_json(const LlamaConfig& c, std::int64_t context) {
  nlohmann::ordered_json json;
  json["architectures"] = {"LlamaForCausalLM"};
  json["model_type"] = "llama";
  json["vocab_size"] = c.vocab;
  json["hidden_size"] = c.hidden;
  json["intermediate_size"] = c.ffn;
  json["num_hidden_layers"] = c.layers;
  json["num_attention_heads"] = c.heads;
  json["num_key_value_heads"] = c.kv_heads;
  json["head_dim"] = c.head_dim;
  json["max_position_embeddings"] = context;
  json["hidden_act"] = "silu";
  json["attention_bias"] = false;
  json["mlp_bias"] = false;
  json["rms_norm_eps"] = c.norm_eps;
  json["rope_theta"] = c.rope_theta;
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", c.rope_theta}};
  json["tie_word_embeddings"] = c.tied;
  json["initializer_range"] = c.init_std;
  json["torch_dtype"] = "float32";
  json["dtype"] = "float32";
  return json.dump(2) + "\n";
}

}  // namespace outrigger
