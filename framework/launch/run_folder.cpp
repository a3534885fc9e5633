#include <outrigger/framework/launch/run_folder.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Status file_error(const char* what, const std::string& path) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  const char* advice = full ? "Free some room or choose another folder for the runs."
                            : "Choose a folder for the runs that can be written to.";
  return {full ? Code::kResourceExhausted : Code::kPermissionDenied,
          fmt::format("cannot {} {}: {}. {}", what, path, std::strerror(error), advice)};
}

std::string time_text(const RunStart& start) {
  if (!start.time.empty()) return start.time;
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

Json start_json(const RunStart& start) {
  const Machine machine = this_machine();
  return {{"time", time_text(start)}, {"version", kVersion},    {"commit", commit_id()},
          {"build", build_text()},    {"host", machine.host},   {"kernel", machine.kernel},
          {"cpu", machine.cpu.model}, {"cores", machine.cores}, {"threads", start.threads},
          {"command", start.command}};
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Makes the folder and its missing parents, whose names are added to `made`, outermost first.
Status make_folders(const std::string& folder, std::vector<std::string>& made) {
  if (::mkdir(folder.c_str(), 0777) == 0) {
    made.push_back(folder);
    return {};
  }
  struct stat info = {};
  if (errno == EEXIST && ::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  const std::string parent = fs::path(folder).parent_path().string();
  if (errno != ENOENT || parent.empty() || parent == folder) return file_error("create", folder);
  if (Status status = make_folders(parent, made); !status.ok()) return status;
  if (::mkdir(folder.c_str(), 0777) != 0) return file_error("create", folder);
  made.push_back(folder);
  return {};
}

// The first free name, made.
Result<std::string> make_unique(const std::string& wanted) {
  std::string folder = wanted;
  for (int number = 2; ::mkdir(folder.c_str(), 0777) != 0; ++number) {
    if (errno != EEXIST || number > 10'000) return file_error("create", folder);
    folder = fmt::format("{}-{}", wanted, number);
  }
  return folder;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status busy(const std::string& folder) {
  const std::string pid = read_file(folder + "/lock");
  const bool gone = pid.empty() || !fs::exists("/proc/" + pid);
  return {Code::kFailedPrecondition,
          gone ? fmt::format(
                     "the run folder {} is still in use: its supervisor (process {}) is gone, its "
                     "children are writing their last checkpoint. Try again in a few seconds.",
                     folder, pid)
               : fmt::format(
                     "the run folder {} is in use by process {}. Wait for that job to end, or stop "
                     "it.",
                     folder, pid)};
}

// The lock, held, with this process's pid in it.
Result<int> take_lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return file_error("open", path);
  Status status;
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    status = errno == EWOULDBLOCK ? busy(folder) : file_error("lock", path);
  } else {
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != ssize_t(pid.size()))
      status = file_error("write", path);
  }
  if (status.ok()) return fd;
  ::close(fd);
  return status;
}

Status fill(const std::string& folder, const std::string& name, const std::string& recipe,
            const RunStart& start) {
  for (const char* part : {"/logs", "/checkpoints"})
    if (::mkdir((folder + part).c_str(), 0777) != 0) return file_error("create", folder + part);
  if (Status status = write_file_atomically(folder + "/recipe.yaml", recipe); !status.ok())
    return status;
  return write_file_atomically(
      folder + "/run.json", dump({{"name", name}, {"starts", Json::array({start_json(start)})}}));
}

}  // namespace

RunFolder::RunFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

Result<RunFolder> RunFolder::create(const std::string& parent, const std::string& name,
                                    const std::string& recipe, const RunStart& start) {
  std::vector<std::string> made;
  Status status = make_folders(parent, made);
  if (status.ok()) {
    RunStart noted = start;
    noted.time = time_text(start);
    const Result<std::string> folder =
        make_unique(fmt::format("{}/{}-{}", parent, name, noted.time));
    status = folder.status();
    if (status.ok()) {
      made.push_back(*folder);
      Result<int> lock = take_lock(*folder);
      status = lock.ok() ? fill(*folder, name, recipe, noted) : lock.status();
      if (status.ok()) return RunFolder(*folder, *lock);
      if (lock.ok()) ::close(*lock);
      std::error_code ignored;
      fs::remove_all(*folder, ignored);
    }
  }
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) ::rmdir(folder->c_str());
  return status;
}

Result<RunFolder> RunFolder::reopen(const std::string& folder, const RunStart& start) {
  const std::string notes = folder + "/run.json";
  if (!fs::exists(notes) || !fs::exists(folder + "/recipe.yaml"))
    return Status(
        Code::kNotFound,
        fmt::format("{} is no run folder: it has no run.json and recipe.yaml. Give the folder "
                    "that a run printed, runs/<name>-<time>.",
                    folder));
  const Result<int> lock = take_lock(folder);
  if (!lock.ok()) return lock.status();
  RunFolder run(folder, *lock);
  Json json = Json::parse(read_file(notes), nullptr, false);
  if (!json.is_object() || !json["starts"].is_array())
    return Status(Code::kCorruption, notes + " is damaged: it holds no JSON object with 'starts'");
  json["starts"].push_back(start_json(start));
  if (Status status = write_file_atomically(notes, dump(json)); !status.ok()) return status;
  return run;
}

}  // namespace outrigger
