#include <outrigger/framework/bench/usage.h>

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace outrigger {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// A line of /proc/self/status ("VmHWM:     1234 kB"), in bytes; 0 if it is not there.
double status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return 1024 * std::stod(line.substr(key.size()));
  return 0;
}

}  // namespace

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

MemoryWatch::MemoryWatch() {
  ::malloc_trim(0);
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5";  // the peak is what is held now (proc(5))
  refs.close();
  reset_ = !refs.fail();
  start_ = status_bytes("VmRSS:");
}

std::optional<double> MemoryWatch::peak_over_start() const {
  const double peak = status_bytes("VmHWM:");
  if (!reset_ || start_ == 0 || peak == 0) return std::nullopt;
  return std::max(0.0, peak - start_);
}

}  // namespace outrigger
