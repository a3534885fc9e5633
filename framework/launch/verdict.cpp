#include <outrigger/framework/launch/verdict.h>

#include <fmt/format.h>
#include <signal.h>

#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {
namespace {

constexpr Duration kKernelLag = std::chrono::seconds(2);

using Children = std::vector<ChildRecord>;

std::optional<std::size_t> find(const Children& children, const std::string& name) {
  for (std::size_t child = 0; child < children.size(); ++child)
    if (is_called(children[child], name)) return child;
  return std::nullopt;
}

TimePoint time_of(const Trouble& trouble) {
  return trouble.killed ? trouble.at - kKernelLag : trouble.at;
}

// The child with the earliest trouble of the kind that is asked for.
std::optional<std::size_t> earliest(const Children& children, bool blaming) {
  std::optional<std::size_t> first;
  for (std::size_t child = 0; child < children.size(); ++child) {
    const auto& trouble = children[child].trouble;
    if (!trouble || find(children, trouble->culprit).has_value() != blaming) continue;
    if (!first || time_of(*trouble) < time_of(*children[*first].trouble)) first = child;
  }
  return first;
}

std::string own_story(const ChildRecord& child) {
  const std::string& what = child.trouble->what;
  if (!child.started) return fmt::format("{} could not be started: {}", describe(child), what);
  const bool own_exit = child.exit && !(child.exit->signalled && child.ended_by_us);
  if (!what.empty() && own_exit)
    return fmt::format("{} failed: {} (it {})", describe(child), what, describe(*child.exit));
  if (!what.empty()) return fmt::format("{} failed: {}", describe(child), what);
  std::string story = fmt::format("{} {}", describe(child), describe(*child.exit));
  if (child.exit->signalled && child.exit->value == SIGKILL)
    story += ": someone killed it, or the machine ran out of memory (dmesg tells)";
  return story;
}

std::string blamed_story(const ChildRecord& child, const ChildRecord& by) {
  return fmt::format("{} {}; {} reports: {}", describe(child),
                     child.seen_stopped ? "stopped answering, the process was stopped (SIGSTOP)"
                                        : "was lost to the others",
                     describe(by), by.trouble->what);
}

int failure_code(const ChildRecord& root) {
  if (!root.started) return kExitMachineLacks;
  if (!root.exit || root.exit->signalled) return kExitFailed;
  const int code = root.exit->value;
  return code == kExitWrongInput || code == kExitMachineLacks ? code : kExitFailed;
}

Verdict without_trouble(const Job& job) {
  bool stopped = false,
       whole = true;  // whole: every island has ended with all its work on the disk
  for (const ChildRecord& child : job.children()) {
    if (child.coordinator) continue;
    stopped |= child.exit == Exit{false, kExitStopped};
    whole &= child.exit == Exit{false, kExitStopped} || child.exit == Exit{false, kExitDone};
  }
  if (whole || !job.stop_signal()) return {stopped ? kExitStopped : kExitDone, {}, ""};
  return {kExitSignal + *job.stop_signal(),
          {},
          fmt::format("stopped by SIG{} before a checkpoint was possible",
                      ::sigabbrev_np(*job.stop_signal()))};
}

}  // namespace

std::string describe(const ChildRecord& child) {
  const std::string pid = child.started ? fmt::format("pid {}", child.pid) : "not started";
  if (child.coordinator) return fmt::format("the coordinator ({})", pid);
  return fmt::format("island {} (rank {}, {})", child.island, child.rank, pid);
}

bool is_called(const ChildRecord& child, const std::string& culprit) {
  return culprit == child.island || culprit == fmt::format("{}.{}", child.island, child.rank);
}

Verdict judge(const Job& job) {
  if (job.killed_by_user())
    return {kExitSignal + *job.stop_signal(), {}, "interrupted twice: all processes were killed"};
  const Children& children = job.children();
  if (const auto root = earliest(children, false))
    return {failure_code(children[*root]), root, own_story(children[*root])};
  const auto by = earliest(children, true);
  if (!by) return without_trouble(job);
  const auto root = find(children, children[*by].trouble->culprit);
  return {kExitFailed, root, blamed_story(children[*root], children[*by])};
}

}  // namespace outrigger
