#include <outrigger/framework/checkpoint/checkpoint.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxManifestBytes = std::uintmax_t{64} << 20;

Result<std::string> read_manifest(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return Status(Code::kNotFound,
                  fmt::format("{} is missing: this folder is no checkpoint", path));
  if (fs::file_size(path, error) > kMaxManifestBytes || error)
    return Status(Code::kCorruption,
                  fmt::format("{} has more than {} bytes", path, kMaxManifestBytes));
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return Status(Code::kCorruption, fmt::format("{} cannot be read", path));
  return text;
}

}  // namespace

Result<std::string> Checkpoint::part_path(const std::string& name) const {
  std::string names;
  for (const PartReport& part : manifest.parts) {
    if (part.name == name) return path + "/" + name;
    names += (names.empty() ? "" : ", ") + part.name;
  }
  return Status(Code::kNotFound,
                fmt::format("the checkpoint {} has no part {}; it has {}", path, name, names));
}

Result<Checkpoint> open_checkpoint(const std::string& path) {
  auto text = read_manifest(path + "/" + std::string(kManifestName));
  if (!text.ok()) return text.status();
  auto manifest = parse_manifest(*text);
  if (!manifest.ok()) return manifest.status().with_context(path);
  for (const PartReport& part : manifest->parts) {
    Status status = check_part_size(path, part);
    if (!status.ok()) return status;
  }
  return Checkpoint{path, std::move(*manifest)};
}

Status verify_checkpoint(const Checkpoint& checkpoint) {
  for (const PartReport& part : checkpoint.manifest.parts) {
    Status status = check_part_hash(checkpoint.path, part);
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace outrigger
