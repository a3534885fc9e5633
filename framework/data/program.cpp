#include <outrigger/framework/data/program.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace outrigger {
namespace {

Result<pid_t> spawn(const std::vector<std::string>& arguments, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return child;
  return Status(error == ENOENT ? Code::kNotFound : Code::kFailedPrecondition,
                fmt::format("cannot run the program '{}': {}", arguments[0], std::strerror(error)));
}

// Until the end of the stream; an error ends it early.
Status read_output(int descriptor, std::size_t max_bytes, TimePoint deadline, std::string& out) {
  std::array<char, 65536> buffer;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return {Code::kDeadlineExceeded, "did not end in time"};
    pollfd waited{descriptor, POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(std::min<long long>(left, 1'000'000))) <= 0) continue;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return {};
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {Code::kInternal, std::strerror(errno)};
    if (out.size() + static_cast<std::size_t>(count) > max_bytes)
      return {Code::kFailedPrecondition, fmt::format("wrote more than {} bytes", max_bytes)};
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

int wait_for(pid_t child) {
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  return state;
}

Status exit_status(int state) {
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return {};
  return {Code::kFailedPrecondition,
          WIFEXITED(state) ? fmt::format("ended with exit status {}", WEXITSTATUS(state))
                           : fmt::format("was ended by signal {}", WTERMSIG(state))};
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& arguments, std::size_t max_bytes,
                                Duration timeout) {
  std::array<int, 2> pipe_ends;
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
    return Status(Code::kResourceExhausted,
                  fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  const auto child = spawn(arguments, pipe_ends[1]);
  ::close(pipe_ends[1]);
  std::string out;
  Status status = child.status();
  if (status.ok()) {
    status = read_output(pipe_ends[0], max_bytes, Clock::now() + timeout, out);
    if (!status.ok()) ::kill(*child, SIGKILL);
    const int state = wait_for(*child);
    if (status.ok()) status = exit_status(state);
    status = status.with_context(fmt::format("the program '{}'", arguments[0]));
  }
  ::close(pipe_ends[0]);
  if (!status.ok()) return status;
  return out;
}

}  // namespace outrigger
