#include "framework/checkpoint/sample_checkpoint.h"

#include <outrigger/framework/checkpoint/durable_file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>

#include "support/temporary_folder.h"

namespace outrigger::test {
namespace {

Status write_in_two_pieces(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size() / 2)).flush();
  file.write(bytes.data() + bytes.size() / 2,
             static_cast<std::streamsize>(bytes.size() - bytes.size() / 2));
  file.close();
  return file ? Status() : system_error("write", path, errno);
}

}  // namespace

std::string part_bytes(const std::string& name, std::int64_t step, int version) {
  std::seed_seq seed{static_cast<int>(name.size()), static_cast<int>(name.back()), version,
                     static_cast<int>(step), static_cast<int>(name[name.size() / 2])};
  std::mt19937 random(seed);
  std::string bytes(3000 + random() % 9000, ' ');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

Result<std::vector<PartReport>> write_parts(const std::string& staging, std::int64_t step,
                                            int version) {
  std::vector<PartReport> reports;
  for (const std::string& name : kPartNames) {
    const std::string bytes = part_bytes(name, step, version);
    const auto report =
        name.starts_with("islands/")
            ? write_part(staging, name,
                         [&](const std::string& path) { return write_in_two_pieces(path, bytes); })
            : write_part_bytes(staging, name, bytes);
    if (!report.ok()) return report.status();
    reports.push_back(*report);
  }
  return reports;
}

Result<Committed> write_checkpoint(const std::string& run, std::int64_t step, std::int64_t keep,
                                   int version, std::uint64_t attempt) {
  const CheckpointStore store(run);
  const auto staging = store.stage(step, attempt);
  if (!staging.ok()) return staging.status();
  const auto parts = write_parts(*staging, step, version);
  if (!parts.ok()) return parts.status();
  return store.commit({step, attempt, *parts, {{"version", version}}, keep});
}

bool is_sample(const Checkpoint& checkpoint, std::int64_t step, int version) {
  if (checkpoint.manifest.step != step || checkpoint.manifest.state["version"] != version)
    return false;
  return checkpoint.manifest.parts.size() == kPartNames.size() &&
         std::all_of(kPartNames.begin(), kPartNames.end(), [&](const std::string& name) {
           const auto path = checkpoint.part_path(name);
           return path.ok() && read_file(*path) == part_bytes(name, step, version);
         });
}

std::string listing(const std::string& run) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(run + "/checkpoints"))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string line;
  for (const std::string& name : names) line += (line.empty() ? "" : " ") + name;
  return line;
}

}  // namespace outrigger::test
