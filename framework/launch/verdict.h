#pragma once

#include <optional>
#include <span>
#include <string>

#include <outrigger/framework/launch/job.h>

namespace outrigger {

// What a job that is over comes to.
struct Verdict {
  int exit_code = 0;                // see exit_code.h
  std::optional<std::size_t> root;  // the child at fault, if the job failed
  std::string cause;  // one line: who, what happened, in whose words; empty if all went well
};

// The root cause is the earliest trouble that is nobody else's fault: a member that says "island
// paris is lost" is not the cause, whatever happened to paris is. If everybody blames somebody, the
// first one blamed is it (a stopped process says nothing itself). A death by a signal counts as up
// to 2 s earlier, because peers can report the closed connection before the kernel reports the
// death. Pure.
Verdict judge(const Job& job);

// "island paris (rank 0, pid 4711)", "the coordinator (pid 4711)".
std::string describe(const ChildRecord& child);
// Whether `culprit`, as an event names it, means this child.
bool is_called(const ChildRecord& child, const std::string& culprit);

}  // namespace outrigger
