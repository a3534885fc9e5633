#include <outrigger/framework/checkpoint/part.h>

#include <fmt/format.h>

#include <filesystem>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/checkpoint/fail_point.h>
#include <outrigger/framework/checkpoint/file_hash.h>
#include <outrigger/framework/checkpoint/manifest.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 255;

bool is_plain(std::string_view name) {
  for (unsigned char byte : name)
    if (byte < 0x20 || byte == 0x7F || byte == '\\') return false;
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view step = name.substr(0, slash);
    if (step.empty() || step == "." || step == "..") return false;
    if (slash == name.npos) return true;
    name.remove_prefix(slash + 1);
  }
}

// A part may lie in folders of its own; an earlier writer of the same attempt may have left one.
Status prepare(const std::string& folder, const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return {Code::kNotFound, fmt::format("the staging folder {} is gone: a newer attempt replaced "
                                         "it, or it was never made",
                                         folder)};
  const std::string parent = fs::path(path).parent_path().string();
  fs::create_directories(parent, error);
  if (error) return system_error("create the folder", parent, error.value());
  fs::remove(path, error);
  return error ? system_error("replace", path, error.value()) : Status();
}

// From the part's own folder up to the staging folder.
Status sync_folders(const std::string& folder, const std::string& name) {
  for (fs::path part = name; part.has_parent_path();) {
    part = part.parent_path();
    Status status = sync_folder((fs::path(folder) / part).string());
    if (!status.ok()) return status;
  }
  return sync_folder(folder);
}

Result<PartReport> make_durable(const std::string& folder, const std::string& name,
                                const std::string& path) {
  pass_fail_point("part written");
  Status status = sync_file(path);
  if (!status.ok()) return status;
  pass_fail_point("part synced");
  status = sync_folders(folder, name);
  if (!status.ok()) return status;
  const auto hashed = hash_file(path);
  if (!hashed.ok()) return hashed.status();
  return PartReport{name, hashed->bytes, hashed->hash};
}

Status corruption(const std::string& path, std::string_view what) {
  return {Code::kCorruption, fmt::format("{} {}", path, what)};
}

}  // namespace

Result<PartReport> write_part(const std::string& folder, const std::string& name,
                              const PartWriter& write) {
  Status status = check_part_name(name);
  if (!status.ok()) return status;
  const std::string path = folder + "/" + name;
  status = prepare(folder, path);
  if (!status.ok()) return status;
  pass_fail_point("part begun");
  status = write(path);
  Result<PartReport> report = status.ok() ? make_durable(folder, name, path) : status;
  if (report.ok()) return report;
  std::error_code ignored;
  fs::remove(path, ignored);
  return report.status().with_context(fmt::format("checkpoint part {}", name));
}

Result<PartReport> write_part_bytes(const std::string& folder, const std::string& name,
                                    std::string_view bytes) {
  return write_part(folder, name,
                    [&](const std::string& path) { return write_new_file(path, bytes); });
}

Status check_part_name(std::string_view name) {
  if (name.size() <= kMaxNameBytes && name != kManifestName && is_plain(name)) return {};
  return {Code::kInvalidArgument,
          fmt::format("'{}' cannot name a part of a checkpoint: it must be a relative path of at "
                      "most {} bytes without '.' and '..', other than {}",
                      name.substr(0, kMaxNameBytes), kMaxNameBytes, kManifestName)};
}

Status check_part_size(const std::string& folder, const PartReport& part) {
  const std::string path = folder + "/" + part.name;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return corruption(path, "is missing");
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error) return corruption(path, "cannot be read: " + error.message());
  if (bytes == static_cast<std::uintmax_t>(part.bytes)) return {};
  return corruption(
      path, fmt::format("has {} bytes, but {} were written: it was truncated or altered", bytes,
                        part.bytes));
}

Status check_part_hash(const std::string& folder, const PartReport& part) {
  Status status = check_part_size(folder, part);
  if (!status.ok()) return status;
  const std::string path = folder + "/" + part.name;
  const auto found = hash_file(path);
  if (!found.ok()) return found.status();
  if (found->hash == part.hash) return {};
  return corruption(path, fmt::format("has xxh3 {}, but {} was written: its bytes were altered",
                                      found->hash.hex(), part.hash.hex()));
}

}  // namespace outrigger
