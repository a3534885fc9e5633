#include <outrigger/framework/launch/machine.h>

#include <sched.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace outrigger {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t value = line.find(": ");
    if (line.starts_with("model name") && value != std::string::npos) return line.substr(value + 2);
  }
  return "unknown";
}

unsigned usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();
}

}  // namespace

Machine this_machine() {
  Machine machine{"unknown", "unknown", cpu_model(), usable_cores()};
  utsname names = {};
  if (::uname(&names) == 0) {
    machine.host = names.nodename;
    machine.kernel = std::string(names.sysname) + " " + names.release;
  }
  return machine;
}

}  // namespace outrigger
