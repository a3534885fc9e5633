#include <outrigger/framework/bench/member_processes.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include <outrigger/framework/launch/process.h>

namespace outrigger {
namespace {

Status no_child(const std::string& name, const std::string& why) {
  return {Code::kResourceExhausted,
          fmt::format("cannot start {}: {}: {}", name, why, std::strerror(errno))};
}

// In the child, between fork and exec: nothing here takes a lock or memory. `failure` gets the
// errno of an exec that fails, and is closed by one that does not.
[[noreturn]] void become(char* const* words, pid_t parent, int output, int failure) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it has gone already
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, 0);
  ::dup2(output >= 0 ? output : null, 1);
  ::execv(words[0], words);
  const int error = errno;
  (void)!::write(failure, &error, sizeof error);
  ::_exit(127);
}

// Returns 0 once the child is what it is to become, or why it is not. From then on it ends with its
// parent.
int wait_for_exec(int failure) {
  int error = 0;
  while (::read(failure, &error, sizeof error) < 0 && errno == EINTR) continue;
  return error;
}

}  // namespace

MemberProcesses::~MemberProcesses() {
  for (Member& member : processes_)
    if (member.pid >= 0) ::kill(member.pid, SIGKILL);
  for (Member& member : processes_)
    if (member.pid >= 0) (void)reap(member);
  if (output_ >= 0) ::close(output_);
}

Status MemberProcesses::start(const std::string& name, std::vector<std::string> argv) {
  int ends[2] = {-1, -1};
  if (processes_.empty() && ::pipe2(ends, O_CLOEXEC) != 0) return no_child(name, "no pipe");
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  int failure[2] = {-1, -1};
  if (::pipe2(failure, O_CLOEXEC) != 0) return no_child(name, "no pipe");
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(words.data(), parent, ends[1], failure[1]);
  if (ends[1] >= 0) {
    output_ = ends[0];
    ::close(ends[1]);
  }
  ::close(failure[1]);
  const int error = pid < 0 ? errno : wait_for_exec(failure[0]);
  ::close(failure[0]);
  if (pid >= 0)
    processes_.push_back({name, pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))});
  if (error != 0) {
    errno = error;
    return no_child(name, argv[0]);
  }
  return processes_.back().pidfd >= 0 ? Status() : no_child(name, "it cannot be watched");
}

bool MemberProcesses::running() const {
  for (const Member& member : processes_)
    if (member.pid >= 0) return true;
  return false;
}

Status MemberProcesses::reap(Member& member) {
  int status = 0;
  while (::waitpid(member.pid, &status, 0) < 0 && errno == EINTR) continue;
  member.pid = -1;
  ::close(member.pidfd);
  const Exit exit = exit_of(status);
  if (exit == Exit{}) return {};
  return {Code::kInternal, fmt::format("{} {}", member.name, describe(exit))};
}

Result<bool> MemberProcesses::wait_once(bool for_output) {
  std::vector<pollfd> watched;
  for (const Member& member : processes_)
    watched.push_back({member.pid >= 0 ? member.pidfd : -1, POLLIN, 0});
  watched.push_back({for_output ? output_ : -1, POLLIN, 0});
  while (::poll(watched.data(), watched.size(), -1) < 0)
    if (errno != EINTR) return no_child("them", "poll");
  for (std::size_t k = 0; k < processes_.size(); ++k)
    if (watched[k].revents != 0)
      if (const Status status = reap(processes_[k]); !status.ok()) return status;
  return watched.back().revents != 0;
}

Result<std::optional<std::string>> MemberProcesses::read_line() {
  for (;;) {
    if (const std::size_t end = ahead_.find('\n'); end != std::string::npos) {
      std::optional<std::string> line = ahead_.substr(0, end);
      ahead_.erase(0, end + 1);
      return line;
    }
    const Result<bool> ready = wait_once(true);
    if (!ready.ok()) return ready.status();
    if (!*ready) continue;
    char buffer[4096];
    const ssize_t got = ::read(output_, buffer, sizeof buffer);
    if (got == 0) return std::optional<std::string>();
    if (got > 0) ahead_.append(buffer, static_cast<std::size_t>(got));
  }
}

Status MemberProcesses::wait() {
  while (running())
    if (const Result<bool> ended = wait_once(false); !ended.ok()) return ended.status();
  return {};
}

}  // namespace outrigger
