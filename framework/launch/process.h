#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// What to start. argv[0] is the program's path (no search in PATH).
struct ChildSpec {
  std::string island;  // its name in the recipe; "coordinator" for that
  unsigned rank = 0;
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  // beside this process's own
};
// "paris.0": the name of its log file and the source of its events; "coordinator" has no rank.
std::string label(const ChildSpec& child);

struct Exit {
  bool signalled = false;
  int value = 0;  // the exit code, or the signal's number
  friend bool operator==(const Exit&, const Exit&) = default;
};
Exit exit_of(int wait_status);           // as waitpid() gives it
std::string describe(const Exit& exit);  // "exited with code 1", "was killed by signal 9 (SIGKILL)"

// A child process in a process group of its own (so Ctrl-C at the terminal reaches only the
// supervisor), with /dev/null as input, its log file (appended to) as stdout and stderr, and an
// event channel (event_sink.h). It inherits no other descriptor, except `keep_open`. Owns the
// child: the destructor ends the group with SIGKILL and reaps it. Not thread-safe; it waits with a
// pidfd, so no SIGCHLD handling is needed.
class Process {
 public:
  // keep_open: a descriptor that the child holds without using it (a lock), or -1. NotFound if the
  // program is missing, else what the system said.
  static Result<Process> spawn(const ChildSpec& child, const std::string& log_path, int keep_open);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_; }    // readable once the child has ended
  int events() const { return events_; }  // this side of the channel, non-blocking; -1 once closed
  void close_events();

  // To the whole group. Without effect once reaped.
  void signal(int signal) const;
  // Whether it is stopped (SIGSTOP, a debugger), as /proc tells.
  bool stopped() const;
  // How it ended, once; nothing while it runs. Ends what is left of its group first.
  std::optional<Exit> reap();

 private:
  Process() = default;

  pid_t pid_ = -1;  // -1 once reaped
  int pidfd_ = -1;
  int events_ = -1;
};

}  // namespace outrigger
