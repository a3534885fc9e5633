#pragma once

#include <string>
#include <vector>

#include <outrigger/framework/cli/tcp_settings.h>

namespace outrigger {

// One thing that a job needs of a machine, or is faster with.
struct Finding {
  enum class State { kOk, kNote, kMissing };  // kMissing: jobs fail without it
  std::string name;
  State state = State::kOk;
  std::string found;   // what there is, in plain words
  std::string advice;  // what to do about it, a line each; empty when nothing
};

// "ok", "note", "missing".
const char* state_word(Finding::State state);

// A row for each, and each line of advice below it behind an arrow.
std::string findings_text(const std::vector<Finding>& findings);

// "3.5 GiB", "120.0 MiB".
std::string size_text(double bytes);

// Which of the settings slow rounds between islands far apart, and how root changes them. kNote or
// kOk: jobs run with any.
Finding check_tcp(const TcpSettings& tcp);

// Looks at this machine. `runs_folder` is where run folders would go; it need not exist. Takes
// below a second, but longer the first time, when it prepares the quickstart's corpus in the cache.
std::vector<Finding> check_machine(const std::string& runs_folder);

}  // namespace outrigger
