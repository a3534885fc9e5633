#include <outrigger/framework/checkpoint/store.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/checkpoint/fail_point.h>
#include <outrigger/framework/checkpoint/names.h>
#include <outrigger/framework/checkpoint/prune.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error) && !entry.is_symlink(error);
}

Status check(const Commit& commit) {
  if (commit.parts.empty()) return {Code::kInvalidArgument, "a checkpoint without parts"};
  if (commit.keep >= 1) return {};
  return {Code::kInvalidArgument,
          fmt::format("{} checkpoints are to be kept; at least 1 must be", commit.keep)};
}

// Of files that a killed or excluded writer left, and of a manifest of an unfinished commit.
Status remove_unreported(const std::string& staging, const std::vector<PartReport>& parts) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(staging, error), end; !error && entry != end;
       entry.increment(error))
    if (!is_folder(*entry)) files.push_back(entry->path());
  if (error) return system_error("read the folder", staging, error.value());
  for (const fs::path& file : files) {
    const std::string name = file.lexically_relative(staging).string();
    if (std::any_of(parts.begin(), parts.end(),
                    [&](const auto& part) { return part.name == name; }))
      continue;
    fs::remove(file, error);
    if (error) return system_error("remove", file.string(), error.value());
  }
  return {};
}

Status check_parts(const std::string& staging, const std::vector<PartReport>& parts) {
  for (const PartReport& part : parts) {
    Status status = check_part_size(staging, part);
    if (!status.ok()) return status;
  }
  return {};
}

Status write_manifest(const std::string& staging, const Commit& commit) {
  const auto text = print_manifest({commit.step, commit_id(), commit.parts, commit.state});
  if (!text.ok()) return text.status();
  Status status = check_parts(staging, commit.parts);
  if (status.ok()) status = remove_unreported(staging, commit.parts);
  if (status.ok()) status = write_new_file(staging + "/" + std::string(kManifestName), *text);
  pass_fail_point("manifest written");
  return status;
}

Status sync_tree(const std::string& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!is_folder(*entry)) continue;
    Status status = sync_folder(entry->path().string());
    if (!status.ok()) return status;
  }
  if (error) return system_error("read the folder", folder, error.value());
  Status status = sync_folder(folder);
  pass_fail_point("folders synced");
  return status;
}

// A checkpoint of the same step changes places with the new one, so that there is one at every
// moment. Not every file system can (NFS cannot): there the old one is gone for the moment between
// two renames.
Status take_name(const std::string& staging, const std::string& checkpoints,
                 const std::string& name) {
  const std::string path = checkpoints + "/" + name;
  if (::rename(staging.c_str(), path.c_str()) == 0) return {};
  if (errno == ENOTEMPTY || errno == EEXIST) {
    if (::renameat2(AT_FDCWD, staging.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0)
      return {};
    Status status = hide_checkpoint(checkpoints, name);
    if (!status.ok()) return status;
    if (::rename(staging.c_str(), path.c_str()) == 0) return {};
  }
  return system_error("rename the new checkpoint to", path, errno);
}

Status publish(const std::string& checkpoints, const std::string& staging,
               const std::string& name) {
  Status status = sync_tree(staging);
  if (status.ok()) status = take_name(staging, checkpoints, name);
  if (!status.ok()) return status;
  pass_fail_point("renamed");
  status = sync_folder(checkpoints);
  pass_fail_point("committed");
  return status;
}

Status clean(const std::string& checkpoints, const Commit& commit) {
  Status status = prune(checkpoints, commit.step, commit.keep);
  const Status leftovers = remove_leftovers(checkpoints, commit.step);
  pass_fail_point("cleaned");
  return status.ok() ? leftovers : status;
}

Result<Checkpoint> open_whole(const std::string& path, std::int64_t step) {
  auto checkpoint = open_checkpoint(path);
  if (!checkpoint.ok()) return checkpoint;
  if (checkpoint->manifest.step != step)
    return Status(Code::kCorruption,
                  fmt::format("{} holds step {}", path, checkpoint->manifest.step));
  Status status = verify_checkpoint(*checkpoint);
  if (!status.ok()) return status;
  return checkpoint;
}

}  // namespace

CheckpointStore::CheckpointStore(std::string run_folder)
    : run_folder_(std::move(run_folder)), checkpoints_(checkpoints_folder(run_folder_)) {}

Result<std::string> CheckpointStore::stage(std::int64_t step, std::uint64_t attempt) const {
  const std::string staging = checkpoints_ + "/" + staging_name(step, attempt);
  std::error_code error;
  fs::create_directories(staging, error);
  if (error) return system_error("create the folder", staging, error.value());
  Status status = sync_folder(run_folder_);  // `checkpoints` may be new in it
  if (!status.ok()) return status;
  return staging;
}

Result<Committed> CheckpointStore::commit(const Commit& commit) const {
  Status status = check(commit);
  if (!status.ok()) return status;
  const std::string staging = checkpoints_ + "/" + staging_name(commit.step, commit.attempt);
  std::error_code error;
  if (!fs::is_directory(staging, error))
    return Status(
        Code::kNotFound,
        fmt::format("cannot commit {}: it is gone, a later checkpoint or attempt replaced "
                    "it",
                    staging));
  pass_fail_point("commit begun");
  status = write_manifest(staging, commit);
  if (status.ok()) status = publish(checkpoints_, staging, step_name(commit.step));
  if (!status.ok()) return status;
  return Committed{checkpoints_ + "/" + step_name(commit.step), clean(checkpoints_, commit)};
}

Status CheckpointStore::discard(std::int64_t step, std::uint64_t attempt) const {
  std::error_code error;
  const std::string staging = checkpoints_ + "/" + staging_name(step, attempt);
  fs::remove_all(staging, error);
  return error ? system_error("remove", staging, error.value()) : Status();
}

Result<LastWhole> CheckpointStore::find_last_whole() const {
  std::vector<std::string> passed_over;
  for (std::int64_t step : list_steps(checkpoints_)) {
    auto checkpoint = open_whole(checkpoints_ + "/" + step_name(step), step);
    if (checkpoint.ok()) return LastWhole{std::move(*checkpoint), std::move(passed_over)};
    passed_over.push_back(checkpoint.status().message());
  }
  std::string reasons;
  for (const std::string& reason : passed_over) reasons += "; " + reason;
  return Status(Code::kNotFound,
                fmt::format("{} holds no whole checkpoint{}", checkpoints_, reasons));
}

}  // namespace outrigger
