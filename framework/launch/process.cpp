#include <outrigger/framework/launch/process.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <outrigger/framework/metrics/event_sink.h>

extern char** environ;

namespace outrigger {
namespace {

// The child's descriptors beside 0, 1 and 2.
constexpr int kChildEvents = 3;
constexpr int kChildKeepOpen = 4;
constexpr int kReapTimeoutMs = 5000;

Status process_error(int error, const std::string& what) {
  Code code = Code::kResourceExhausted;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EACCES || error == EPERM || error == ENOEXEC || error == EROFS)
    code = Code::kPermissionDenied;
  return {code, fmt::format("{}: {}", what, std::strerror(error))};
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Moves a descriptor out of the range that the child's own numbers lie in.
int move_up(int fd) {
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 16);
  const int error = errno;
  ::close(fd);
  errno = error;
  return moved;
}

std::vector<std::string> child_environment(const ChildSpec& child) {
  auto added = child.environment;
  added.emplace_back(EventSink::kEnvironment, std::to_string(kChildEvents));
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name(*entry, std::strcspn(*entry, "="));
    if (std::none_of(added.begin(), added.end(), [&](const auto& a) { return a.first == name; }))
      all.emplace_back(*entry);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& string : strings) out.push_back(string.data());
  out.push_back(nullptr);
  return out;
}

// posix_spawn with everything of this class's promise. Returns an errno.
int spawn_child(const ChildSpec& child, int log, int events, int keep_open, pid_t& pid) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, log, 1);
  posix_spawn_file_actions_adddup2(&files, log, 2);
  posix_spawn_file_actions_adddup2(&files, events, kChildEvents);
  if (keep_open >= 0) posix_spawn_file_actions_adddup2(&files, keep_open, kChildKeepOpen);
  posix_spawn_file_actions_addclosefrom_np(&files,
                                           keep_open >= 0 ? kChildKeepOpen + 1 : kChildKeepOpen);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);

  std::vector<std::string> arguments = child.argv, environment = child_environment(child);
  const int error = ::posix_spawn(&pid, arguments.at(0).c_str(), &files, &attributes,
                                  pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

}  // namespace

std::string label(const ChildSpec& child) {
  return child.island == "coordinator" ? child.island
                                       : fmt::format("{}.{}", child.island, child.rank);
}

Exit exit_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {true, WTERMSIG(wait_status)};
  return {false, WEXITSTATUS(wait_status)};
}

std::string describe(const Exit& exit) {
  if (!exit.signalled) return fmt::format("exited with code {}", exit.value);
  const char* name = ::sigabbrev_np(exit.value);
  return fmt::format("was killed by signal {}{}", exit.value,
                     name == nullptr ? "" : fmt::format(" (SIG{})", name));
}

Result<Process> Process::spawn(const ChildSpec& child, const std::string& log_path, int keep_open) {
  int log = move_up(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (log < 0) return process_error(errno, "cannot open " + log_path);
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    const int error = errno;
    close_fd(log);
    return process_error(error, "cannot make an event channel");
  }
  Process process;
  process.events_ = ends[0];
  ::fcntl(process.events_, F_SETFL, O_NONBLOCK);
  int theirs = move_up(ends[1]);
  const int error = theirs < 0 ? errno : spawn_child(child, log, theirs, keep_open, process.pid_);
  close_fd(theirs);
  close_fd(log);
  if (error != 0) {
    process.pid_ = -1;
    return process_error(error,
                         fmt::format("cannot start {} ({})", label(child), child.argv.at(0)));
  }
  // Not yet reaped, so the number is still its own. (glibc 2.36 declares pidfd_open() for C only.)
  process.pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, process.pid_, 0));
  if (process.pidfd_ < 0)
    return process_error(errno, fmt::format("cannot watch process {}", process.pid_));
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      events_(std::exchange(other.events_, -1)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(events_, other.events_);
  return *this;
}

Process::~Process() {
  if (pid_ > 0) {
    signal(SIGKILL);
    pollfd ended = {pidfd_, POLLIN,
                    0};  // bounded: a process in the middle of a device's call may linger
    if (pidfd_ >= 0) ::poll(&ended, 1, kReapTimeoutMs);
    reap();
  }
  close_fd(pidfd_);
  close_events();
}

void Process::close_events() {
  close_fd(events_);
}

void Process::signal(int signal) const {
  if (pid_ > 0) ::kill(-pid_, signal);
}

bool Process::stopped() const {
  if (pid_ <= 0) return false;
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return false;
  return stat[name_end + 2] == 'T' || stat[name_end + 2] == 't';
}

std::optional<Exit> Process::reap() {
  siginfo_t info = {};
  if (pid_ <= 0 ||
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0)
    return std::nullopt;
  signal(SIGKILL);  // its own children, while the zombie still holds the group's number
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
  pid_ = -1;
  return Exit{info.si_code != CLD_EXITED, info.si_status};
}

}  // namespace outrigger
