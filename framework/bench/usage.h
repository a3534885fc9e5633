#pragma once

#include <optional>

namespace outrigger {

// What this process has used, as Linux counts it.

double cpu_seconds();  // user and system, of all threads

// How much more memory the process comes to hold at one time than it held at the start of the
// watch. Memory that was freed goes back to the system first, so that it does not hide new memory.
class MemoryWatch {
 public:
  MemoryWatch();
  // Bytes; none where /proc does not tell.
  std::optional<double> peak_over_start() const;

 private:
  bool reset_ = false;
  double start_ = 0;
};

}  // namespace outrigger
