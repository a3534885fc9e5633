// The router of a network lab: netlab.py starts it, with the plan on its standard input, and ends
// it by closing that. It says `ready` once the devices exist. Exit codes: 0, 1 it failed, 2 the
// plan is wrong, 3 this machine lacks something.
#include <fmt/core.h>
#include <sched.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "netlab/forwarder.h"

namespace {

int fail(int code, const outrigger::Status& status) {
  fmt::print(stderr, "netlab_forwarder: {}\n", status.message());
  return code;
}

// Before busy programs: else delays grow by what the scheduler lets it wait.
void come_first() {
  const sched_param lowest{.sched_priority = 1};
  if (::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0)
    fmt::print(
        stderr,
        "netlab_forwarder: no real-time priority here: delays grow while the cores are busy\n");
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace

int main() {
  using namespace outrigger::netlab;
  // Ctrl-C at a terminal reaches the whole group; netlab.py decides when the lab ends.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  const auto plan = read_plan(std::cin);
  if (!plan.ok()) return fail(2, plan.status());
  const auto forwarder = Forwarder::open(*plan);
  if (!forwarder.ok()) return fail(3, forwarder.status());
  come_first();
  fmt::print("ready\n");
  std::fflush(stdout);
  const outrigger::Status ended = (*forwarder)->run();
  (*forwarder)->print_counts();
  fmt::print("{:.3f} s of CPU time\n", cpu_seconds());
  return ended.ok() ? 0 : fail(1, ended);
}
