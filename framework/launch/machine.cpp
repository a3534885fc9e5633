#include <outrigger/framework/launch/machine.h>

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace outrigger {
namespace {

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned cores_by_affinity() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());  // more cores than a cpu_set_t holds
}

double available_memory() {
  std::istringstream lines(read_text("/proc/meminfo"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("MemAvailable:")) return std::stod(line.substr(13)) * 1024;
  }
  return 0;
}

}  // namespace

bool Cpu::has(const std::string& flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool Cpu::has_bf16() const {
  return has("avx512_bf16") || has("amx_bf16") || has("bf16");
}

Cpu parse_cpuinfo(const std::string& text) {
  Cpu cpu{"unknown", {}};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && !(line.empty() && !cpu.flags.empty());) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name")) cpu.model = value;
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(value);
    cpu.flags.assign(std::istream_iterator<std::string>(words), {});
  }
  return cpu;
}

unsigned limit_cores(unsigned cores, const std::string& cpu_max) {
  std::istringstream words(cpu_max);
  double quota = 0, period = 0;
  if (!(words >> quota >> period) || quota <= 0 || period <= 0) return cores;
  const double granted = (quota + period - 1) / period;
  return granted >= cores ? cores : std::max(1U, static_cast<unsigned>(granted));
}

double free_memory() {
  const std::string limit = read_text("/sys/fs/cgroup/memory.max");
  const std::string used = read_text("/sys/fs/cgroup/memory.current");
  const double available = available_memory();
  if (limit.empty() || limit[0] == 'm' || used.empty()) return available;
  return std::min(available, std::stod(limit) - std::stod(used));
}

Machine this_machine() {
  Machine machine;
  machine.cpu = parse_cpuinfo(read_text("/proc/cpuinfo"));
  machine.cores = limit_cores(cores_by_affinity(), read_text("/sys/fs/cgroup/cpu.max"));
  utsname names = {};
  if (::uname(&names) == 0) {
    machine.host = names.nodename;
    machine.kernel = std::string(names.sysname) + " " + names.release;
  }
  return machine;
}

}  // namespace outrigger
