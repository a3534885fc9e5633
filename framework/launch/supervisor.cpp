#include <outrigger/framework/launch/supervisor.h>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <outrigger/framework/launch/log_tail.h>
#include <outrigger/framework/launch/verdict.h>
#include <outrigger/framework/metrics/line_splitter.h>

namespace outrigger {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;
constexpr int kReadsPerTurn = 16;  // of 64 KiB: so one child that floods does not starve the others
constexpr int kReadsAtEnd = 64;    // what a child that has ended may have left in the channel
constexpr std::size_t kGarbageReports = 3;
constexpr std::size_t kTailLines = 15;

std::string with_address(std::string text, const std::string& address) {
  static const std::string kPlace = "{coordinator}";
  for (std::size_t at = 0; (at = text.find(kPlace, at)) != std::string::npos; at += address.size())
    text.replace(at, kPlace.size(), address);
  return text;
}

struct Child {
  ChildSpec spec;
  std::string log_path;
  std::optional<Process> process;  // until reaped
  LineSplitter lines{kMaxLineBytes};
  std::size_t garbage = 0;
  std::size_t too_long = 0;
};

class Supervisor {
 public:
  Supervisor(const JobSpec& spec, const JobWatcher& watcher, SignalWatch& signals)
      : spec_(spec),
        watcher_(watcher),
        signals_(signals),
        job_(records(spec), spec.limits, Clock::now()) {
    children_.push_back(child(spec.coordinator));
    for (const ChildSpec& island : spec.islands) children_.push_back(child(island));
  }

  JobOutcome run() {
    start(0, Clock::now());
    while (!job_.over()) {
      wait();
      const TimePoint now = Clock::now();
      while (const auto signal = signals_.take()) job_.on_signal(*signal, now);
      // Deaths first: what the others say about them in the same moment is a consequence.
      for (std::size_t i = 0; i < children_.size(); ++i) look_after(i, now);
      for (std::size_t i = 0; i < children_.size(); ++i) read_events(i, kReadsPerTurn, now);
      look_for_stopped();
      job_.on_time(now);
      for (const Action& action : job_.take_actions())
        std::visit([&](const auto& a) { perform(a, now); }, action);
      tick(now);
    }
    return outcome();
  }

 private:
  static std::vector<ChildRecord> records(const JobSpec& spec) {
    std::vector<ChildRecord> records(1 + spec.islands.size());
    records[0].island = spec.coordinator.island;
    records[0].coordinator = true;
    for (std::size_t i = 0; i < spec.islands.size(); ++i) {
      records[i + 1].island = spec.islands[i].island;
      records[i + 1].rank = spec.islands[i].rank;
    }
    return records;
  }

  Child child(const ChildSpec& spec) const {
    std::string file = label(spec);
    std::replace(file.begin(), file.end(), '/', '_');
    Child child;
    child.spec = spec;
    child.log_path = spec_.log_folder + "/" + file + ".log";
    return child;
  }

  bool start(std::size_t i, TimePoint now) {
    auto process = Process::spawn(children_[i].spec, children_[i].log_path, spec_.keep_open);
    if (!process.ok()) {
      job_.on_not_started(i, process.status(), now);
      return false;
    }
    children_[i].process = std::move(*process);
    job_.on_started(i, children_[i].process->pid());
    return true;
  }

  void wait() {
    std::vector<pollfd> fds = {{signals_.fd(), POLLIN, 0}};
    for (const Child& c : children_) {
      if (!c.process) continue;
      fds.push_back({c.process->pidfd(), POLLIN, 0});
      fds.push_back({c.process->events(), POLLIN, 0});  // poll passes over -1
    }
    TimePoint until = Clock::now() + watcher_.tick_every;
    if (const auto deadline = job_.deadline()) until = std::min(until, *deadline);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
  }

  void look_after(std::size_t i, TimePoint now) {
    auto& process = children_[i].process;
    pollfd ended = {process ? process->pidfd() : -1, POLLIN, 0};
    if (!process || ::poll(&ended, 1, 0) != 1) return;
    read_events(i, kReadsAtEnd, now);
    const std::optional<Exit> exit = process->reap();
    if (!exit) return;
    process.reset();
    job_.on_exit(i, *exit, now);
  }

  void read_events(std::size_t i, int reads, TimePoint now) {
    Child& child = children_[i];
    char bytes[65536];
    while (reads-- > 0 && child.process && child.process->events() >= 0) {
      const ssize_t got = ::recv(child.process->events(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (got <= 0) return child.process->close_events();
      child.lines.feed({bytes, static_cast<std::size_t>(got)},
                       [&](std::string_view line) { on_line(i, line, now); });
      if (child.lines.dropped() == child.too_long) continue;
      child.too_long = child.lines.dropped();
      complain(child, fmt::format("a report of more than {} bytes was dropped", kMaxLineBytes));
    }
  }

  void on_line(std::size_t i, std::string_view line, TimePoint now) {
    Child& child = children_[i];
    const Result<Event> event = parse_event(line);
    if (!event.ok()) return complain(child, event.status().message());
    if (watcher_.on_event) watcher_.on_event(label(child.spec), *event);
    job_.on_event(i, *event, now);
  }

  void complain(Child& child, const std::string& what) {
    if (++child.garbage > kGarbageReports || !watcher_.on_event) return;
    watcher_.on_event(label(child.spec), Logged{"warning", what});
  }

  // A blamed child that is stopped cannot end by itself.
  void look_for_stopped() {
    for (const ChildRecord& blaming : job_.children()) {
      if (!blaming.trouble || blaming.trouble->culprit.empty()) continue;
      for (std::size_t i = 0; i < children_.size(); ++i)
        if (is_called(job_.children()[i], blaming.trouble->culprit) && children_[i].process &&
            children_[i].process->stopped())
          job_.on_stopped(i);
    }
  }

  void perform(const StartIslands& action, TimePoint now) {
    for (std::size_t i = 1; i < children_.size(); ++i) {
      for (std::string& argument : children_[i].spec.argv)
        argument = with_address(argument, action.coordinator);
      for (auto& [name, value] : children_[i].spec.environment)
        value = with_address(value, action.coordinator);
      if (!start(i, now)) return;
    }
  }

  void perform(const SendSignal& action, TimePoint) {
    if (children_[action.child].process) children_[action.child].process->signal(action.signal);
  }

  void tick(TimePoint now) {
    if (!watcher_.on_tick || now < next_tick_) return;
    next_tick_ = now + watcher_.tick_every;
    watcher_.on_tick();
  }

  JobOutcome outcome() const {
    const Verdict verdict = judge(job_);
    std::string cause = verdict.cause;
    if (verdict.root) {
      const std::string& log = children_[*verdict.root].log_path;
      const std::vector<std::string> lines = last_lines(log, kTailLines);
      cause += lines.empty() ? fmt::format("\nIts log is empty ({}).", log)
                             : fmt::format("\nThe last lines of its log ({}):", log);
      for (const std::string& line : lines) cause += "\n  | " + line;
    }
    for (const ChildRecord& child : job_.children())
      if (child.started && !child.ended)
        cause += fmt::format("\nProcess {} could not be ended.", child.pid);
    return {verdict.exit_code, cause};
  }

  const JobSpec& spec_;
  const JobWatcher& watcher_;
  SignalWatch& signals_;
  Job job_;
  std::vector<Child> children_;
  TimePoint next_tick_;
};

}  // namespace

JobOutcome supervise(const JobSpec& spec, const JobWatcher& watcher, SignalWatch& signals) {
  return Supervisor(spec, watcher, signals).run();
}

}  // namespace outrigger
