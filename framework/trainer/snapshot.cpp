#include <outrigger/framework/trainer/snapshot.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/trainer/snapshot_parts.h>

namespace outrigger {
namespace {

using SortedJson = nlohmann::json;

// The members' own name for this try at a checkpoint: no later life of the job has the same.
std::uint64_t attempt_number(const Session& session) {
  return session.peers().front().member.incarnation;
}

// Where replicas differ, model.safetensors is the first island's.
SortedJson state_of(const SnapshotPlace& place, const Synchronizer& sync) {
  SortedJson state = state_json(sync);
  if (sync.method().gossips() && !sync.finished()) state["replica"] = place.island;
  return state;
}

SortedJson report_json(const std::vector<PartReport>& parts) {
  SortedJson reports = SortedJson::array();
  for (const PartReport& part : parts) reports.push_back({part.name, part.bytes, part.hash.hex()});
  return reports;
}

Result<std::vector<PartReport>> write_parts(const std::string& folder, const SnapshotPlace& place,
                                            bool first, Replica& replica,
                                            const Synchronizer& sync) {
  std::vector<std::pair<std::string, PartWriter>> writers;
  writers.emplace_back(island_part(place.island),
                       [&](const std::string& path) { return write_private(path, replica, sync); });
  if (first) {
    writers.emplace_back("model.safetensors",
                         [&](const std::string& path) { return write_global(path, sync); });
    writers.emplace_back("outer.safetensors",
                         [&](const std::string& path) { return write_outer(path, sync); });
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

std::vector<PartReport> parts_from(const std::vector<std::string>& reports) {
  std::vector<PartReport> parts;
  for (const std::string& text : reports)
    for (const SortedJson& part : SortedJson::parse(text))
      parts.push_back({part.at(0), part.at(1), hash_from_hex(part.at(2))});
  return parts;
}

}  // namespace

Result<std::optional<Committed>> save_snapshot(const SnapshotPlace& place, Session& session,
                                               Replica& replica, Synchronizer& sync) {
  sync.settle();
  const CheckpointStore store(place.run_folder);
  const std::int64_t step = static_cast<std::int64_t>(sync.own().step);
  const std::uint64_t attempt = attempt_number(session);
  const bool first = session.self().island == 0;
  const Result<std::string> folder = store.stage(step, attempt);
  if (!folder.ok()) return folder.status();
  const Result<std::vector<PartReport>> parts = write_parts(*folder, place, first, replica, sync);
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
      store.commit({step, attempt, parts_from(*reports), state_of(place, sync), place.keep});
  if (!committed.ok()) return committed.status();
  return std::optional<Committed>(std::move(*committed));
}

std::vector<Version> Snapshot::versions() const {
  if (!shared.arrivals.empty()) return shared.arrivals;
  std::vector<Version> all;
  for (std::size_t p = 0; p < shared.fragments.size(); ++p) {
    const std::deque<OpenRound>& open = own.fragments[p].open;
    all.push_back(open.empty() ? shared.fragments[p].version : open.back().outcome->version);
  }
  return all;
}

Result<Snapshot> load_snapshot(const std::string& folder, const std::string& island,
                               Replica& replica, const DiLoCoOptions& options,
                               std::size_t islands) {
  const Result<Checkpoint> checkpoint = open_checkpoint(folder);
  if (!checkpoint.ok()) return checkpoint.status();
  const Result<Method> method = make_method(options, islands);
  if (!method.ok()) return method.status();
  const auto fragments = cut_fragments(replica.model().parameters(), fragment_options(options));
  if (!fragments.ok()) return fragments.status();
  Snapshot snapshot;
  try {
    Status status = read_shared(*checkpoint, *method, *fragments, snapshot.shared);
    if (status.ok())
      status = read_private(*checkpoint, island, *method, *fragments, replica, snapshot.shared,
                            snapshot.own);
    if (!status.ok()) return status;
  } catch (const SortedJson::exception& error) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("{} was written by another version of Outrigger: {}",
                              checkpoint->path, error.what()));
  }
  return snapshot;
}

}  // namespace outrigger
