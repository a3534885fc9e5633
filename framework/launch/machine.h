#pragma once

#include <string>
#include <vector>

namespace outrigger {

// What /proc/cpuinfo says of the first processor.
struct Cpu {
  std::string model;               // "unknown" if it does not say
  std::vector<std::string> flags;  // x86's "flags" or Arm's "Features"
  bool has(const std::string& flag) const;
  bool has_bf16()
      const;  // units that compute in bf16: without, it is some 10 times slower than fp32
};
Cpu parse_cpuinfo(const std::string& text);

// How many cores' time a cgroup's cpu.max ("200000 100000", "max 100000") grants, rounded up;
// `cores` where it sets no limit or a higher one.
unsigned limit_cores(unsigned cores, const std::string& cpu_max);

// Bytes that this process can still take: by what the system has and by its container's limit.
double free_memory();

// What doctor shows, a run folder notes and threads are shared out by.
struct Machine {
  std::string host = "unknown";
  std::string kernel = "unknown";  // "Linux 6.1.0-18-amd64"
  Cpu cpu;
  unsigned cores = 1;  // that this process may use: by its affinity and its container's limit
};

Machine this_machine();

}  // namespace outrigger
