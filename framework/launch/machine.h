#pragma once

#include <string>

namespace outrigger {

// What a run folder notes about the machine. A text that the system does not tell is "unknown".
struct Machine {
  std::string host;
  std::string kernel;  // "Linux 6.1.0-18-amd64"
  std::string cpu;     // the model's name
  unsigned cores = 0;  // that this process may use
};

Machine this_machine();

}  // namespace outrigger
