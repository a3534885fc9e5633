#include "framework/checkpoint/child_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace outrigger::test {

pid_t start_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = body();
    } catch (...) {
    }
    ::_exit(status);
  }
  return child;
}

ChildEnd wait_for_child(pid_t child) {
  int state = 0;
  ::waitpid(child, &state, 0);
  return {WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL,
          WIFEXITED(state) ? WEXITSTATUS(state) : -1};
}

ChildEnd run_in_child(const std::function<int()>& body) {
  return wait_for_child(start_child(body));
}

ChildEnd run_unprivileged(const std::function<int()>& body) {
  constexpr uid_t kNobody = 65534;
  return run_in_child([&] {
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return 98;
    return body();
  });
}

void kill_this_process() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

}  // namespace outrigger::test
