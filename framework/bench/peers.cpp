#include <outrigger/framework/bench/peers.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outrigger/framework/launch/process.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

struct Output {
  Exit exit;
  std::string text;
};

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (got > 0)
      text.append(buffer, static_cast<std::size_t>(got));
    else if (errno != EINTR)
      break;
  }
  return text;
}

// Runs the program to its end, with its stdout taken and no stdin. It stays in this process's
// group, so that Ctrl-C ends both.
Result<Output> run(std::vector<std::string> argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return Status(Code::kResourceExhausted, fmt::format("no pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  ::close(ends[1]);
  Output output;
  if (error == 0) output.text = read_all(ends[0]);
  ::close(ends[0]);
  if (error != 0)
    return Status(Code::kNotFound, fmt::format("cannot run {}: {}", argv[0], std::strerror(error)));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  output.exit = exit_of(status);
  return output;
}

}  // namespace

Result<std::string> find_peer_script(const std::string& name) {
  const fs::path program = fs::read_symlink("/proc/self/exe");
  for (fs::path folder = program.parent_path();; folder = folder.parent_path()) {
    const fs::path script = folder / "tools" / "peers" / name;
    if (fs::exists(script)) return script.string();
    if (!folder.has_relative_path()) break;
  }
  return Status(
      Code::kNotFound,
      fmt::format("no folder above {} holds tools/peers/{}; run the program that was built "
                  "in the source tree",
                  program.string(), name));
}

Status check_peer_python(const std::string& python) {
  const Result<Output> ran = run({python, "-c", "import torch"});
  if (ran.ok() && ran->exit == Exit{}) return {};
  return {Code::kInvalidArgument,
          ran.ok() ? fmt::format("--peers: {} has no torch (`import torch` {}); name a Python "
                                 "interpreter that has",
                                 python, describe(ran->exit))
                   : fmt::format("--peers: {}; name a Python interpreter that has torch",
                                 ran.status().message())};
}

Result<nlohmann::ordered_json> run_peer_script(const std::string& python, const std::string& script,
                                               const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {python, script};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  Result<Output> ran = run(argv);
  if (!ran.ok()) return ran.status();
  if (ran->exit != Exit{})
    return Status(Code::kInternal, fmt::format("{} {}", script, describe(ran->exit)));
  std::string text = std::move(ran->text);
  while (text.ends_with('\n')) text.pop_back();
  auto json = nlohmann::ordered_json::parse(text.substr(text.rfind('\n') + 1), nullptr, false);
  if (json.is_object()) return json;
  return Status(Code::kInternal, fmt::format("{} printed no JSON object as its last line", script));
}

}  // namespace outrigger
