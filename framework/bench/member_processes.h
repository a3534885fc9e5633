#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// Processes that work together and end with the thread that starts them, even by SIGKILL. They
// share its process group, stderr and environment, and have no input. The first may print, to this
// process. The first that fails is the failure of all. Not thread-safe.
class MemberProcesses {
 public:
  MemberProcesses() = default;
  ~MemberProcesses();  // kills and reaps what is left
  MemberProcesses(const MemberProcesses&) = delete;
  MemberProcesses& operator=(const MemberProcesses&) = delete;

  // argv[0] is the program's path. `name` is what failures call it. Returns when the program runs.
  Status start(const std::string& name, std::vector<std::string> argv);

  // The next line that the first child prints, without its end; nothing once it prints no more.
  // Not Ok: a child has failed.
  Result<std::optional<std::string>> read_line();
  // Until all have ended.
  Status wait();

 private:
  struct Member {
    std::string name;
    pid_t pid = -1;  // -1 once reaped
    int pidfd = -1;
  };

  // Waits until the output has something (true), or, if it is not waited for, until a child ends.
  Result<bool> wait_once(bool for_output);
  Status reap(Member& member);
  bool running() const;

  std::vector<Member> processes_;
  int output_ = -1;  // the first child's
  std::string ahead_;
};

}  // namespace outrigger
