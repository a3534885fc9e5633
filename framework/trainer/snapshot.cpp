#include <outrigger/framework/trainer/snapshot.h>

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/weights.h>

namespace outrigger {
namespace {

using Json = nlohmann::json;

std::string island_part(const std::string& island) {
  return "islands/" + island + ".safetensors";
}

// The members' own name for this try at a checkpoint: no later life of the job has the same.
std::uint64_t attempt_number(const Session& session) {
  return session.peers().front().member.incarnation;
}

// One tensor a parameter over a fragment's flat values, which it shares.
NamedTensors views(const Fragment& fragment, const std::vector<float>& values,
                   const std::string& suffix) {
  NamedTensors tensors;
  std::size_t offset = 0;
  for (const NamedTensor& parameter : fragment.parameters) {
    float* data =
        const_cast<float*>(values.data()) + offset;  // NOLINT: from_blob takes no const; only read
    tensors.push_back({parameter.name + suffix, at::from_blob(data, parameter.tensor.sizes())});
    offset += static_cast<std::size_t>(parameter.tensor.numel());
  }
  return tensors;
}

void append(NamedTensors& all, NamedTensors more) {
  for (NamedTensor& tensor : more) all.push_back(std::move(tensor));
}

NamedTensors prefixed(const std::string& prefix, NamedTensors tensors) {
  for (NamedTensor& tensor : tensors) tensor = {prefix + tensor.name, tensor.tensor.detach()};
  return tensors;
}

std::string joined(const std::vector<std::uint64_t>& numbers) {
  return fmt::format("{}", fmt::join(numbers, " "));
}

Status write_private(const std::string& path, Replica& replica, const PrivateState& own) {
  NamedTensors tensors = prefixed("local.", replica.model().parameters());
  append(tensors, prefixed("inner.", replica.inner().state()));
  return write_safetensors(path, tensors,
                           {{"step", std::to_string(own.step)}, {"tokens", joined(own.tokens)}});
}

Status write_global(const std::string& path, const DiLoCo& diloco) {
  NamedTensors tensors;
  for (std::size_t p = 0; p < diloco.fragments().size(); ++p)
    append(tensors, views(diloco.fragments()[p], diloco.shared().fragments[p].global, ""));
  return write_safetensors(path, tensors);
}

Status write_outer(const std::string& path, const DiLoCo& diloco) {
  const std::vector<std::string> slots = diloco.outer().slots();
  NamedTensors tensors;
  for (std::size_t p = 0; p < diloco.fragments().size(); ++p)
    for (std::size_t k = 0; k < slots.size(); ++k)
      append(tensors,
             views(diloco.fragments()[p], diloco.shared().fragments[p].slots[k], "." + slots[k]));
  return write_safetensors(path, tensors, {{"optimizer", std::string(diloco.outer().name())}});
}

Json state_json(const DiLoCo& diloco) {
  Json versions = Json::array();
  for (const SharedState::Fragment& fragment : diloco.shared().fragments)
    versions.push_back({{"fragment", fragment.version.fragment},
                        {"number", fragment.version.number},
                        {"chain", fragment.version.chain.hex()}});
  return {{"versions", versions}, {"outer", diloco.outer().name()}};
}

Json report_json(const std::vector<PartReport>& parts) {
  Json reports = Json::array();
  for (const PartReport& part : parts) reports.push_back({part.name, part.bytes, part.hash.hex()});
  return reports;
}

Result<std::vector<PartReport>> write_parts(const std::string& folder, const SnapshotPlace& place,
                                            bool first, Replica& replica, const DiLoCo& diloco) {
  std::vector<std::pair<std::string, PartWriter>> writers;
  writers.emplace_back(island_part(place.island), [&](const std::string& path) {
    return write_private(path, replica, diloco.own());
  });
  if (first) {
    writers.emplace_back("model.safetensors",
                         [&](const std::string& path) { return write_global(path, diloco); });
    writers.emplace_back("outer.safetensors",
                         [&](const std::string& path) { return write_outer(path, diloco); });
  }
  std::vector<PartReport> parts;
  for (const auto& [name, write] : writers) {
    Result<PartReport> part = write_part(folder, name, write);
    if (!part.ok()) return part.status();
    parts.push_back(std::move(*part));
  }
  if (first) {
    Result<PartReport> config = write_part_bytes(
        folder, "config.json", llama_config_json(replica.model().config(), place.context));
    if (!config.ok()) return config.status();
    parts.push_back(std::move(*config));
  }
  return parts;
}

Hash128 hash_from_hex(const std::string& hex) {
  Hash128 hash;
  if (hex.size() != 32) return hash;
  std::from_chars(hex.data(), hex.data() + 16, hash.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, hash.low, 16);
  return hash;
}

std::vector<PartReport> parts_from(const std::vector<std::string>& reports) {
  std::vector<PartReport> parts;
  for (const std::string& text : reports)
    for (const Json& part : Json::parse(text))
      parts.push_back({part.at(0), part.at(1), hash_from_hex(part.at(2))});
  return parts;
}

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

// Copies "<parameter><suffix>" of every parameter into the flat values.
Status read_flat(const std::map<std::string, at::Tensor>& tensors, const NamedTensors& parameters,
                 const std::string& suffix, const std::string& source, std::vector<float>& values) {
  values.clear();
  for (const NamedTensor& parameter : parameters) {
    const auto found = tensors.find(parameter.name + suffix);
    if (found == tensors.end() || found->second.sizes() != parameter.tensor.sizes() ||
        found->second.scalar_type() != at::kFloat)
      return {Code::kFailedPrecondition, fmt::format("{} has no fp32 tensor '{}{}' of the model's "
                                                     "shape: the checkpoint is of another model "
                                                     "or outer optimizer",
                                                     source, parameter.name, suffix)};
    const float* data = found->second.data_ptr<float>();
    values.insert(values.end(), data, data + found->second.numel());
  }
  return {};
}

Status read_shared(const Checkpoint& checkpoint, const NamedTensors& parameters,
                   const OuterOptimizer& outer, SharedState& shared) {
  const std::string written_by = checkpoint.manifest.state.value("outer", "");
  if (written_by != outer.name())
    return {Code::kFailedPrecondition,
            fmt::format("{} was written with outer.optimizer '{}', the recipe says '{}'",
                        checkpoint.path, written_by, outer.name())};
  const auto global = tensors_of(checkpoint, "model.safetensors");
  if (!global.ok()) return global.status();
  const auto buffers = tensors_of(checkpoint, "outer.safetensors");
  if (!buffers.ok()) return buffers.status();

  const Json& version = checkpoint.manifest.state.at("versions").at(0);
  SharedState::Fragment fragment;
  fragment.version = {version.at("fragment"), version.at("number"),
                      hash_from_hex(version.at("chain"))};
  Status status = read_flat(*global, parameters, "", checkpoint.path, fragment.global);
  for (const std::string& slot : outer.slots()) {
    if (!status.ok()) break;
    fragment.slots.emplace_back();
    status = read_flat(*buffers, parameters, "." + slot, checkpoint.path, fragment.slots.back());
  }
  shared.fragments.push_back(std::move(fragment));
  return status;
}

Status read_private(const Checkpoint& checkpoint, const std::string& island, Replica& replica,
                    PrivateState& own) {
  const Result<std::string> path = checkpoint.part_path(island_part(island));
  if (!path.ok())
    return {
        Code::kFailedPrecondition,
        fmt::format(
            "{} has no part of island '{}': a job goes on with the islands that it was saved with",
            checkpoint.path, island)};
  const Result<SafetensorsFile> file = SafetensorsFile::open(*path);
  if (!file.ok()) return file.status();
  NamedTensors local, inner;
  for (const NamedTensor& tensor : file->tensors()) {
    if (tensor.name.starts_with("local.")) local.push_back({tensor.name.substr(6), tensor.tensor});
    if (tensor.name.starts_with("inner.")) inner.push_back({tensor.name.substr(6), tensor.tensor});
  }
  if (const Status status = copy_into(local, replica.model(), *path); !status.ok()) return status;
  if (const Status status = replica.inner().load_state(inner); !status.ok())
    return status.with_context(*path);
  own.step = static_cast<std::uint64_t>(checkpoint.manifest.step);
  const auto counted = file->metadata().find("tokens");
  const std::string text = counted == file->metadata().end() ? "" : counted->second;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 0;
    own.tokens.push_back(std::stoull(text.substr(at), &length));
    at += length + 1;
  }
  return {};
}

}  // namespace

Result<std::optional<Committed>> save_snapshot(const SnapshotPlace& place, Session& session,
                                               Replica& replica, const DiLoCo& diloco) {
  const CheckpointStore store(place.run_folder);
  const std::int64_t step = static_cast<std::int64_t>(diloco.own().step);
  const std::uint64_t attempt = attempt_number(session);
  const bool first = session.self().island == 0;
  const Result<std::string> folder = store.stage(step, attempt);
  if (!folder.ok()) return folder.status();
  const Result<std::vector<PartReport>> parts = write_parts(*folder, place, first, replica, diloco);
  if (!parts.ok()) {
    // A full disk needs the room. What cannot be removed goes with the next checkpoint.
    [[maybe_unused]] const Status discarded = store.discard(step, attempt);
    return parts.status();
  }

  const auto reports =
      session.gather(fmt::format("checkpoint:{}", step), report_json(*parts).dump());
  if (!reports.ok()) return reports.status();
  if (!first) return std::optional<Committed>();
  Result<Committed> committed =
      store.commit({step, attempt, parts_from(*reports), state_json(diloco), place.keep});
  if (!committed.ok()) return committed.status();
  return std::optional<Committed>(std::move(*committed));
}

Result<Snapshot> load_snapshot(const std::string& folder, const std::string& island,
                               Replica& replica, const OuterOptimizer& outer) {
  const Result<Checkpoint> checkpoint = open_checkpoint(folder);
  if (!checkpoint.ok()) return checkpoint.status();
  Snapshot snapshot;
  if (const Status status =
          read_shared(*checkpoint, replica.model().parameters(), outer, snapshot.shared);
      !status.ok())
    return status;
  if (const Status status = read_private(*checkpoint, island, replica, snapshot.own); !status.ok())
    return status;
  return snapshot;
}

}  // namespace outrigger
