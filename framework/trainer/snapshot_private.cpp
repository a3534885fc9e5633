#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include <outrigger/framework/model/safetensors.h>
#include <outrigger/framework/model/weights.h>
#include <outrigger/framework/trainer/snapshot_parts.h>
#include <outrigger/optim/sync/fragment_sync.h>
#include <outrigger/optim/sync/payload.h>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;
using Tensors = std::map<std::string, at::Tensor>;
using Bytes = std::vector<std::byte>;

NamedTensors prefixed(const std::string& prefix, NamedTensors tensors) {
  for (NamedTensor& tensor : tensors) tensor = {prefix + tensor.name, tensor.tensor.detach()};
  return tensors;
}

std::string open_name(const RoundId& round, const char* what) {
  return fmt::format("open.{}.{}.{}", round.fragment, round.number, what);
}

std::string delta_prefix(const RoundId& round) {
  return open_name(round, "delta") + ".";
}

SortedJson member_json(const MemberId& member) {
  return {member.island, member.incarnation, member.worker};
}

// A settled round that is not applied: the island's own part of it, and its result.
SortedJson open_json(const OpenRound& open) {
  const RoundOutcome& outcome = *open.outcome;
  SortedJson contributors = SortedJson::array();
  for (const MemberId& member : outcome.contributors) contributors.push_back(member_json(member));
  return {{"round", open.round.number},
          {"tokens", open.tokens},
          {"finite", open.finite},
          {"held", open.held},
          {"share", open.share},
          {"version", outcome.version.number},
          {"chain", outcome.version.chain.hex()},
          {"hash", outcome.hash.hex()},
          {"included", outcome.included},
          {"contributors", contributors},
          {"weights", outcome.weights},
          {"codec", outcome.codec->name()},
          {"skip", open.judgement.skip},
          {"scales", open.judgement.scales},
          {"rank", open.low_rank ? open.low_rank->method.rank() : 0}};
}

SortedJson private_json(const PrivateState& own) {
  SortedJson fragments = SortedJson::array();
  for (const PrivateState::Fragment& fragment : own.fragments) {
    SortedJson open = SortedJson::array();
    for (const OpenRound& round : fragment.open) open.push_back(open_json(round));
    fragments.push_back({{"tokens", fragment.tokens},
                         {"gradients", fragment.gradients},
                         {"since", fragment.since},
                         {"open", open}});
  }
  return {{"step", own.step}, {"fragments", fragments}};
}

Status take_bytes(const Tensors& tensors, const std::string& name, const std::string& source,
                  std::shared_ptr<const Bytes>& bytes) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.scalar_type() != at::kByte)
    return {Code::kCorruption, fmt::format("{} lacks the bytes '{}'", source, name)};
  auto copy = std::make_shared<Bytes>(static_cast<std::size_t>(found->second.numel()));
  std::memcpy(copy->data(), found->second.data_ptr(), copy->size());
  bytes = std::move(copy);
  return {};
}

Status check_length(const Bytes& bytes, const Codec& codec, std::size_t elements,
                    const std::string& source) {
  if (bytes.size() == codec.encoded_bytes(elements)) return {};
  return {Code::kFailedPrecondition,
          fmt::format("{} holds an open round of {} bytes, but {} encodes this fragment in {}: it "
                      "was written with other fragments or codecs",
                      source, bytes.size(), codec.name(), codec.encoded_bytes(elements))};
}

Status read_basis(const SortedJson& json, const Tensors& tensors, const Method& method,
                  const Fragment& fragment, const std::string& source, OpenRound& open) {
  const auto rank = json.value("rank", std::uint64_t{0});
  const std::string name = open_name(open.round, "basis");
  const auto found = tensors.find(name);
  if (rank < 1 || rank > method.options.low_rank->rank || found == tensors.end() ||
      found->second.scalar_type() != at::kFloat)
    return {Code::kFailedPrecondition,
            fmt::format("{} has no basis '{}' of an open round: it was written without low_rank",
                        source, name)};
  LowRank low_rank = low_rank_of(method, fragment, {static_cast<double>(rank)});
  const float* data = found->second.data_ptr<float>();
  std::vector<float> basis(data, data + found->second.numel());
  if (basis.size() != low_rank.first_elements())
    return {Code::kFailedPrecondition,
            fmt::format("{}: '{}' holds {} values, the model and the rank need {}", source, name,
                        basis.size(), low_rank.first_elements())};
  open.low_rank = std::make_shared<OpenLowRank>(
      OpenLowRank{std::move(low_rank), {}, {}, {}, {}, std::move(basis), {}});
  return {};
}

Status read_open(const SortedJson& json, const Tensors& tensors, std::uint32_t index,
                 const Method& method, const Fragment& fragment, const std::string& source,
                 OpenRound& open) {
  std::size_t elements = Payload(fragment.local.elements(), method.two_parts()).elements();
  open.restored = true;
  open.round = {index, json.at("round")};
  if (method.options.low_rank) {
    if (Status status = read_basis(json, tensors, method, fragment, source, open); !status.ok())
      return status;
    elements = open.low_rank->method.second_elements();
  }
  open.tokens = json.at("tokens");
  open.finite = json.at("finite");
  open.held = json.at("held");
  open.share = json.at("share");
  open.judgement.skip = json.at("skip");
  open.judgement.scales = json.at("scales").get<std::vector<float>>();
  Status status = take_bytes(tensors, open_name(open.round, "encoded"), source, open.encoded);
  if (status.ok()) status = check_length(*open.encoded, *method.codec, elements, source);
  if (!status.ok()) return status;

  RoundOutcome outcome;
  outcome.round = open.round;
  outcome.version = {index, json.at("version"), hash_from_hex(json.at("chain"))};
  outcome.hash = hash_from_hex(json.at("hash"));
  outcome.included = json.at("included");
  outcome.weights = json.at("weights").get<std::vector<std::uint64_t>>();
  for (const SortedJson& member : json.at("contributors"))
    outcome.contributors.push_back({member.at(0), member.at(1), member.at(2)});
  const std::size_t scales = open.judgement.scales.size();
  if (outcome.contributors.size() != outcome.weights.size() ||
      (scales > 1 && scales != fragment.parameters.size()))
    return {Code::kFailedPrecondition,
            fmt::format("{}: {} does not fit the model", source, to_string(open.round))};
  const Result<const Codec*> codec = find_codec(json.at("codec").get<std::string>());
  if (!codec.ok()) return codec.status();
  outcome.codec = *codec;
  status = take_bytes(tensors, open_name(open.round, "result"), source, outcome.bytes);
  if (status.ok()) status = check_length(*outcome.bytes, **codec, elements, source);
  open.outcome = std::move(outcome);
  if (status.ok() && open.low_rank) open.low_rank->factors = decode_factors(open);
  return status;
}

Status read_fragment(const SortedJson& json, const Tensors& tensors, std::uint32_t index,
                     const Method& method, const Fragment& fragment, const std::string& source,
                     SharedState::Fragment& shared, PrivateState::Fragment& own) {
  own.tokens = json.at("tokens");
  own.gradients = json.at("gradients");
  own.since = json.at("since");
  const auto read = [&](bool wanted, const std::string& prefix, std::vector<float>& values) {
    return wanted ? read_flat(tensors, fragment, prefix, "", source, values) : Status();
  };
  Status status = read(method.options.eager, "lead.", own.lead);
  if (status.ok()) status = read(method.options.control_variates, "variate.", own.variate);
  if (status.ok())
    status = read(method.options.control_variates, "gradient_sum.", own.gradient_sum);
  if (status.ok()) status = read(method.options.feedback.on(), "residual.", own.residual);
  if (status.ok()) status = read(method.options.feedback.econtrol(), "estimate.", own.estimate);
  if (status.ok()) status = read(method.outer->asynchronous(), "anchor.", own.anchor);
  if (status.ok()) status = read(method.gossips(), "global.", shared.global);
  const std::vector<std::string> slots = method.outer->slots();
  for (std::size_t k = 0; k < slots.size() && status.ok(); ++k)
    status = read(method.gossips(), slots[k] + ".", shared.slots[k]);
  for (const SortedJson& round : json.at("open")) {
    if (!status.ok()) break;
    own.open.emplace_back();
    OpenRound& open = own.open.back();
    status = read_open(round, tensors, index, method, fragment, source, open);
    const bool kept = method.keeps_lead() && (method.options.feedback.on() || open.low_rank);
    if (status.ok()) status = read(kept, delta_prefix(open.round), open.delta);
  }
  return status;
}

}  // namespace

std::string island_part(const std::string& island) {
  return "islands/" + island + ".safetensors";
}

Status write_private(const std::string& path, Replica& replica, const Synchronizer& sync) {
  NamedTensors tensors = prefixed("local.", replica.model().parameters());
  append(tensors, prefixed("inner.", replica.inner().state()));
  for (std::size_t p = 0; p < sync.fragments().size(); ++p) {
    const Fragment& fragment = sync.fragments()[p];
    const PrivateState::Fragment& own = sync.own().fragments[p];
    const auto add = [&](const std::vector<float>& values, const std::string& prefix) {
      if (!values.empty()) append(tensors, views(fragment, values, prefix));
    };
    add(own.lead, "lead.");
    add(own.variate, "variate.");
    add(own.residual, "residual.");
    add(own.estimate, "estimate.");
    add(own.gradient_sum, "gradient_sum.");
    add(own.anchor, "anchor.");
    if (sync.method().gossips()) {  // its replica is its own
      const SharedState::Fragment& state = sync.shared().fragments[p];
      add(state.global, "global.");
      const std::vector<std::string> slots = sync.method().outer->slots();
      for (std::size_t k = 0; k < slots.size(); ++k) add(state.slots[k], slots[k] + ".");
    }
    for (const OpenRound& open : own.open) {
      tensors.push_back(flat_tensor(open_name(open.round, "encoded"), *open.encoded, at::kByte));
      tensors.push_back(
          flat_tensor(open_name(open.round, "result"), *open.outcome->bytes, at::kByte));
      add(open.delta, delta_prefix(open.round));
      if (open.low_rank)
        tensors.push_back(flat_tensor(open_name(open.round, "basis"), open.low_rank->basis));
    }
  }
  return write_safetensors(path, tensors, {{"state", private_json(sync.own()).dump()}});
}

Status read_private(const Checkpoint& checkpoint, const std::string& island, const Method& method,
                    const std::vector<Fragment>& fragments, Replica& replica, SharedState& shared,
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
  Tensors others;
  for (const NamedTensor& tensor : file->tensors()) {
    if (tensor.name.starts_with("local."))
      local.push_back({tensor.name.substr(6), tensor.tensor});
    else if (tensor.name.starts_with("inner."))
      inner.push_back({tensor.name.substr(6), tensor.tensor});
    else
      others[tensor.name] = tensor.tensor;
  }
  if (const Status status = copy_into(local, replica.model(), *path); !status.ok()) return status;
  if (const Status status = replica.inner().load_state(inner); !status.ok())
    return status.with_context(*path);
  const auto state = file->metadata().find("state");
  const SortedJson json =
      state == file->metadata().end()
          ? SortedJson()
          : SortedJson::parse(state->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("fragments", SortedJson::array()).size() != fragments.size())
    return {Code::kFailedPrecondition,
            fmt::format("{} has no state of {} fragments: the checkpoint is of another version or "
                        "method",
                        *path, fragments.size())};
  own.step = static_cast<std::uint64_t>(checkpoint.manifest.step);
  own.fragments.resize(fragments.size());
  for (std::uint32_t p = 0; p < fragments.size(); ++p) {
    const Status status = read_fragment(json.at("fragments").at(p), others, p, method, fragments[p],
                                        *path, shared.fragments[p], own.fragments[p]);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace outrigger
