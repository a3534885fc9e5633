#include <outrigger/framework/checkpoint/prune.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>

#include <outrigger/framework/checkpoint/checkpoint.h>
#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/checkpoint/fail_point.h>
#include <outrigger/framework/checkpoint/names.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Another process may be deleting it too.
Status remove_tree(const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    std::error_code error;
    fs::remove_all(folder + "/" + name, error);
    if (error) return system_error("remove", folder + "/" + name, error.value());
    pass_fail_point("old file removed");
  }
  std::error_code error;
  fs::remove(folder, error);
  return error ? system_error("remove", folder, error.value()) : Status();
}

bool is_leftover(std::string_view name, std::int64_t step) {
  if (!is_temporary(name)) return false;
  const auto attempted = step_of_staging_name(name);
  return !attempted || *attempted <= step;
}

}  // namespace

std::vector<std::int64_t> list_steps(const std::string& checkpoints) {
  std::vector<std::int64_t> steps;
  for (const std::string& name : names_in(checkpoints))
    if (const auto step = step_of_name(name); step && step_name(*step) == name)
      steps.push_back(*step);
  std::sort(steps.begin(), steps.end(), std::greater<>());
  return steps;
}

Status hide_checkpoint(const std::string& checkpoints, const std::string& name) {
  std::random_device random;
  const std::string from = checkpoints + "/" + name;
  const std::string to =
      fmt::format("{}/.tmp-old-{}-{:08x}{:08x}", checkpoints, name, random(), random());
  if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
    return system_error("rename", from, errno);
  return {};
}

Status prune(const std::string& checkpoints, std::int64_t newest, std::int64_t keep) {
  std::int64_t whole = 0;
  bool hidden = false;
  for (std::int64_t step : list_steps(checkpoints)) {
    if (step > newest) continue;
    if (whole < keep) {
      whole += open_checkpoint(checkpoints + "/" + step_name(step)).ok();
      continue;
    }
    Status status = hide_checkpoint(checkpoints, step_name(step));
    if (!status.ok()) return status;
    hidden = true;
  }
  if (!hidden) return {};
  Status status = sync_folder(checkpoints);
  pass_fail_point("old checkpoint hidden");
  return status;
}

Status remove_leftovers(const std::string& checkpoints, std::int64_t step) {
  Status first;
  for (const std::string& name : names_in(checkpoints)) {
    if (!is_leftover(name, step)) continue;
    const Status status = remove_tree(checkpoints + "/" + name);
    if (first.ok()) first = status;
  }
  return first;
}

}  // namespace outrigger
