#include <outrigger/framework/model/weights.h>

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/model/safetensors.h>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;

constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr std::size_t kNamesShown = 8;

std::string shape_of(const at::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes(), ", "));
}

void shorten(std::vector<std::string>& faults) {
  if (faults.size() <= kNamesShown) return;
  const std::size_t more = faults.size() - kNamesShown;
  faults.resize(kNamesShown);
  faults.push_back(fmt::format("and {} more", more));
}

Result<std::string> read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Status(Code::kNotFound, fmt::format("cannot open {}", file.string()));
  return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The files that an index names, sorted; a name that leaves the folder is refused.
Result<std::set<std::string>> shard_files(const std::filesystem::path& index) {
  const auto text = read_text(index);
  if (!text.ok()) return text.status();
  const SortedJson json = SortedJson::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto corrupt = [&](const std::string& what) {
    return Status(Code::kCorruption, fmt::format("{}: {}", index.string(), what));
  };
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    return corrupt("it has no \"weight_map\"");
  std::set<std::string> files;
  for (const auto& [name, value] : json["weight_map"].items()) {
    if (!value.is_string()) return corrupt(fmt::format("'{}' names no file", name));
    const std::filesystem::path file = value.get<std::string>();
    if (file.empty() || file != file.filename())
      return corrupt(
          fmt::format("'{}' is said to be in '{}', outside the folder", name, file.string()));
    files.insert(file.string());
  }
  return files;
}

Result<NamedTensors> read_folder(const std::filesystem::path& folder) {
  std::set<std::string> files{kWeightsFile};
  if (!std::filesystem::exists(folder / kWeightsFile)) {
    if (!std::filesystem::exists(folder / kIndexFile))
      return Status(Code::kNotFound, fmt::format("{} has neither {} nor {}", folder.string(),
                                                 kWeightsFile, kIndexFile));
    auto shards = shard_files(folder / kIndexFile);
    if (!shards.ok()) return shards.status();
    files = *shards;
  }
  NamedTensors all;
  for (const std::string& name : files) {
    const auto file = SafetensorsFile::open(folder / name);
    if (!file.ok()) return file.status();
    for (NamedTensor& entry : file->tensors()) all.push_back(std::move(entry));
  }
  return all;
}

// Consecutive parameters, cut where the next one would pass the limit.
std::vector<NamedTensors> cut(const NamedTensors& parameters, std::uint64_t max_bytes) {
  std::vector<NamedTensors> shards(1);
  std::uint64_t bytes = 0;
  for (const NamedTensor& entry : parameters) {
    if (!shards.back().empty() && bytes + entry.tensor.nbytes() > max_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(entry);
    bytes += entry.tensor.nbytes();
  }
  return shards;
}

Status save_shards(const std::filesystem::path& folder, const std::vector<NamedTensors>& shards) {
  std::map<std::string, std::string> weight_map;
  std::uint64_t total_bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    if (const Status status = write_safetensors(folder / name, shards[i]); !status.ok())
      return status;
    for (const NamedTensor& entry : shards[i]) {
      weight_map[entry.name] = name;
      total_bytes += entry.tensor.nbytes();
    }
  }
  const SortedJson index{{"metadata", {{"total_size", total_bytes}}}, {"weight_map", weight_map}};
  return write_file_atomically((folder / kIndexFile).string(), index.dump(2) + "\n");
}

}  // namespace

Status copy_into(const NamedTensors& from, const Llama& model, const std::string& source) {
  std::map<std::string_view, at::Tensor> given;
  std::vector<std::string> faults;
  for (const NamedTensor& entry : from)
    if (!given.emplace(entry.name, entry.tensor).second)
      faults.push_back(fmt::format("'{}' is there twice", entry.name));
  if (model.config().tied && given.contains(kHead) && given.contains(kEmbedding) &&
      at::equal(given.at(kHead), given.at(kEmbedding)))
    given.erase(kHead);

  for (const NamedTensor& parameter : model.parameters()) {
    const auto found = given.find(parameter.name);
    if (found == given.end()) {
      faults.push_back(
          fmt::format("'{}' {} is missing", parameter.name, shape_of(parameter.tensor)));
    } else if (found->second.sizes() != parameter.tensor.sizes()) {
      faults.push_back(fmt::format("'{}' has shape {}, the model has {}", parameter.name,
                                   shape_of(found->second), shape_of(parameter.tensor)));
    } else if (!found->second.is_floating_point()) {
      faults.push_back(fmt::format("'{}' holds no floating-point values", parameter.name));
    }
  }
  std::set<std::string_view> expected;
  for (const NamedTensor& parameter : model.parameters()) expected.insert(parameter.name);
  for (const auto& [name, tensor] : given)
    if (!expected.contains(name))
      faults.push_back(fmt::format("'{}' {} is not in the model", name, shape_of(tensor)));
  if (!faults.empty()) {
    shorten(faults);
    return {Code::kFailedPrecondition, fmt::format("the weights in {} do not fit the model: {}",
                                                   source, fmt::join(faults, "; "))};
  }

  const c10::NoGradGuard no_grad;
  for (const NamedTensor& parameter : model.parameters())
    at::Tensor(parameter.tensor).copy_(given.at(parameter.name));
  return {};
}

Status load_weights(const std::filesystem::path& folder, const Llama& model) {
  const auto tensors = read_folder(folder);
  if (!tensors.ok()) return tensors.status();
  return copy_into(*tensors, model, folder.string());
}

Result<Llama> load_llama(const std::filesystem::path& folder) {
  const auto config = read_llama_config(folder / "config.json");
  if (!config.ok()) return config.status();
  Llama model(*config);
  if (const Status status = load_weights(folder, model); !status.ok()) return status;
  return model;
}

Status save_llama(const std::filesystem::path& folder, const Llama& model, std::int64_t context,
                  std::uint64_t max_shard_bytes) {
  const Status status = write_file_atomically((folder / "config.json").string(),
                                              llama_config_json(model.config(), context));
  if (!status.ok()) return status;
  const std::vector<NamedTensors> shards = cut(model.parameters(), max_shard_bytes);
  if (shards.size() == 1) return write_safetensors(folder / kWeightsFile, shards.front());
  return save_shards(folder, shards);
}

}  // namespace outrigger
