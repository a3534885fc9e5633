#pragma once

#include <sys/types.h>

#include <functional>

namespace outrigger::test {

// How a forked child ended.
struct ChildEnd {
  bool killed = false;  // by SIGKILL
  int status = -1;      // its exit status, if it was not ended by a signal
};

// Runs `body` in a forked child, which exits with what it returns (99 when it throws).
pid_t start_child(const std::function<int()>& body);
ChildEnd wait_for_child(pid_t child);
ChildEnd run_in_child(const std::function<int()>& body);  // the one, then the other

// The same as another user than root, from whom an unwritable folder is unwritable.
ChildEnd run_unprivileged(const std::function<int()>& body);

[[noreturn]] void kill_this_process();

}  // namespace outrigger::test
