#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/trainer/snapshot_parts.h>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;

// The tensors of a file by name.
Result<std::map<std::string, at::Tensor>> tensors_of(const Checkpoint& checkpoint,
                                                     const std::string& part) {
  const Result<std::string> path = checkpoint.part_path(part);
  if (!path.ok()) return path.status();
  const Result<SafetensorsFile> file = SafetensorsFile::open(*path);
  if (!file.ok()) return file.status();
  std::map<std::string, at::Tensor> tensors;
  for (const NamedTensor& tensor : file->tensors()) tensors[tensor.name] = tensor.tensor;
  return tensors;
}

Status check_written_by(const Checkpoint& checkpoint, const Method& method, std::size_t fragments) {
  const SortedJson& state = checkpoint.manifest.state;
  const auto differs = [&](const char* key, const char* named, std::string_view now,
                           const char* unsaid) -> Status {
    const std::string then = state.value(key, std::string(unsaid));
    if (then == now) return {};
    return {Code::kFailedPrecondition,
            fmt::format("{} was written with {} '{}', the recipe says '{}'", checkpoint.path, named,
                        then, now)};
  };
  if (const Status status = differs("outer", "outer.optimizer", method.outer->name(), "");
      !status.ok())
    return status;
  if (const Status status =
          differs("aggregate", "sync.aggregate", method.aggregation->name(), "mean");
      !status.ok())
    return status;
  if (state.at("versions").size() == fragments) return {};
  return {Code::kFailedPrecondition,
          fmt::format("{} was written with {} fragments, the recipe says {}", checkpoint.path,
                      state.at("versions").size(), fragments)};
}

SortedJson version_json(const Version& version) {
  return {
      {"fragment", version.fragment}, {"number", version.number}, {"chain", version.chain.hex()}};
}

Version version_from(const SortedJson& json) {
  return {json.at("fragment"), json.at("number"), hash_from_hex(json.at("chain"))};
}

// What a fragment's state has that is of no parameter's shape.
std::string flat_name(std::size_t fragment, const char* what) {
  return fmt::format("fragment.{}.{}", fragment, what);
}

template <class Number>
void add_flat(NamedTensors& tensors, const std::string& name, const std::vector<Number>& values) {
  if (!values.empty()) tensors.push_back(flat_tensor(name, values));
}

template <class Number>
Status read_flat_of(const std::map<std::string, at::Tensor>& tensors, const std::string& name,
                    const std::string& source, std::vector<Number>& values) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  if (found->second.scalar_type() != c10::CppTypeToScalarType<Number>::value)
    return {Code::kFailedPrecondition,
            fmt::format("{}: '{}' does not hold fp{}", source, name, 8 * sizeof(Number))};
  const Number* data = found->second.template data_ptr<Number>();
  values.assign(data, data + found->second.numel());
  return {};
}

}  // namespace

NamedTensors views(const Fragment& fragment, const std::vector<float>& values,
                   const std::string& prefix, const std::string& suffix) {
  NamedTensors tensors;
  for (std::size_t t = 0; t < fragment.parameters.size(); ++t) {
    float* data = const_cast<float*>(values.data()) +
                  fragment.borders[t];  // NOLINT: from_blob takes no const; only read
    const NamedTensor& parameter = fragment.parameters[t];
    tensors.push_back(
        {prefix + parameter.name + suffix, at::from_blob(data, parameter.tensor.sizes())});
  }
  return tensors;
}

void append(NamedTensors& all, NamedTensors more) {
  for (NamedTensor& tensor : more) all.push_back(std::move(tensor));
}

Status write_global(const std::string& path, const Synchronizer& sync) {
  return write_safetensors(path, sync.global_parameters());
}

Status write_outer(const std::string& path, const Synchronizer& sync) {
  const std::vector<std::string> slots = sync.method().outer->slots();
  NamedTensors tensors;
  for (std::size_t p = 0; p < sync.fragments().size(); ++p) {
    const Fragment& fragment = sync.fragments()[p];
    const SharedState::Fragment& state = sync.shared().fragments[p];
    for (std::size_t k = 0; k < slots.size(); ++k)
      append(tensors, views(fragment, state.slots[k], "", "." + slots[k]));
    if (!state.variate.empty()) append(tensors, views(fragment, state.variate, "", ".variate"));
    if (!state.estimate.empty()) append(tensors, views(fragment, state.estimate, "", ".estimate"));
    add_flat(tensors, flat_name(p, "statistics"), state.statistics);
    add_flat(tensors, flat_name(p, "ranks"), state.ranks);
    add_flat(tensors, flat_name(p, "warm"), state.warm);
  }
  return write_safetensors(path, tensors,
                           {{"optimizer", std::string(sync.method().outer->name())}});
}

nlohmann::json state_json(const Synchronizer& sync) {
  SortedJson versions = SortedJson::array(), arrivals = SortedJson::array();
  for (const SharedState::Fragment& fragment : sync.shared().fragments)
    versions.push_back(version_json(fragment.version));
  for (const Version& version : sync.shared().arrivals) arrivals.push_back(version_json(version));
  return {{"versions", versions},
          {"arrivals", arrivals},
          {"outer", sync.method().outer->name()},
          {"aggregate", sync.method().aggregation->name()}};
}

Hash128 hash_from_hex(const std::string& hex) {
  Hash128 hash;
  if (hex.size() != 32) return hash;
  std::from_chars(hex.data(), hex.data() + 16, hash.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, hash.low, 16);
  return hash;
}

Status read_flat(const std::map<std::string, at::Tensor>& tensors, const Fragment& fragment,
                 const std::string& prefix, const std::string& suffix, const std::string& source,
                 std::vector<float>& values) {
  values.clear();
  for (const NamedTensor& parameter : fragment.parameters) {
    const auto found = tensors.find(prefix + parameter.name + suffix);
    if (found == tensors.end() || found->second.sizes() != parameter.tensor.sizes() ||
        found->second.scalar_type() != at::kFloat)
      return {Code::kFailedPrecondition,
              fmt::format("{} has no fp32 tensor '{}{}{}' of the model's shape: the checkpoint is "
                          "of another model or method",
                          source, prefix, parameter.name, suffix)};
    const float* data = found->second.data_ptr<float>();
    values.insert(values.end(), data, data + found->second.numel());
  }
  return {};
}

Status read_shared(const Checkpoint& checkpoint, const Method& method,
                   const std::vector<Fragment>& fragments, SharedState& shared) {
  Status status = check_written_by(checkpoint, method, fragments.size());
  if (!status.ok()) return status;
  const auto global = tensors_of(checkpoint, "model.safetensors");
  if (!global.ok()) return global.status();
  const auto buffers = tensors_of(checkpoint, "outer.safetensors");
  if (!buffers.ok()) return buffers.status();

  for (std::size_t p = 0; p < fragments.size() && status.ok(); ++p) {
    SharedState::Fragment state;
    state.version = version_from(checkpoint.manifest.state.at("versions").at(p));
    status = read_flat(*global, fragments[p], "", "", checkpoint.path, state.global);
    for (const std::string& slot : method.outer->slots()) {
      if (!status.ok()) break;
      state.slots.emplace_back();
      status =
          read_flat(*buffers, fragments[p], "", "." + slot, checkpoint.path, state.slots.back());
    }
    if (status.ok() && method.options.control_variates)
      status = read_flat(*buffers, fragments[p], "", ".variate", checkpoint.path, state.variate);
    if (status.ok() && method.options.feedback.econtrol())
      status = read_flat(*buffers, fragments[p], "", ".estimate", checkpoint.path, state.estimate);
    const auto read = [&](const char* what, auto& values) {
      if (status.ok()) status = read_flat_of(*buffers, flat_name(p, what), checkpoint.path, values);
    };
    read("statistics", state.statistics);
    read("ranks", state.ranks);
    read("warm", state.warm);
    shared.fragments.push_back(std::move(state));
  }
  for (const SortedJson& version : checkpoint.manifest.state.value("arrivals", SortedJson::array()))
    shared.arrivals.push_back(version_from(version));
  return status;
}

}  // namespace outrigger
