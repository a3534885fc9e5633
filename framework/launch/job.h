#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/launch/process.h>
#include <outrigger/framework/metrics/event.h>

namespace outrigger {

// The supervisor's decisions, as a pure machine: inputs with the time they came at, actions out. No
// process, file or clock inside; supervisor.h is its shell.

// How long each kind of waiting may take.
struct JobLimits {
  Duration listen = std::chrono::seconds(30);  // until the coordinator listens
  Duration end = std::chrono::seconds(30);  // for the others to end by themselves after a failure
  // Of that, for those that all others blame: a killed process may take a moment to be gone.
  Duration die = std::chrono::seconds(2);
  Duration finish =
      std::chrono::minutes(10);  // from a stop, or the first island's end, to the last's
  Duration leave = std::chrono::seconds(10);  // for the coordinator, once all islands have ended
  Duration terminate = std::chrono::seconds(10);  // from SIGTERM to SIGKILL
  Duration kill = std::chrono::seconds(10);       // from SIGKILL to giving up
};

// The first thing that went wrong with a child.
struct Trouble {
  TimePoint at;
  std::string what;     // its own words, or what was seen of it; empty: see its exit
  std::string culprit;  // whom it blames, if another
  bool killed = false;  // by a signal that was not the supervisor's
};

// All that is known of one child.
struct ChildRecord {
  std::string island;
  unsigned rank = 0;
  bool coordinator = false;
  pid_t pid = -1;  // from when it was started
  bool started = false;
  bool ended = false;
  bool ended_by_us = false;  // SIGTERM or SIGKILL was sent before it ended
  bool seen_stopped = false;
  std::optional<Exit> exit;
  std::optional<Trouble> trouble;
};

struct StartIslands {
  std::string coordinator;  // its address
};
struct SendSignal {
  std::size_t child;
  int signal;
};
using Action = std::variant<StartIslands, SendSignal>;

// children[0] is the coordinator, already asked to start; the others follow in the recipe's order.
class Job {
 public:
  Job(std::vector<ChildRecord> children, JobLimits limits, TimePoint now);

  void on_started(std::size_t child, pid_t pid);
  void on_not_started(std::size_t child, const Status& why, TimePoint now);
  void on_event(std::size_t child, const Event& event, TimePoint now);
  void on_stopped(std::size_t child);  // seen stopped after another blamed it
  void on_exit(std::size_t child, Exit exit, TimePoint now);
  void on_signal(int signal, TimePoint now);  // sent to the supervisor
  void on_time(TimePoint now);                // after all else that is known at `now`

  std::vector<Action> take_actions();
  std::optional<TimePoint> deadline() const;  // when on_time() has something to do
  bool over() const { return phase_ == Phase::kOver; }

  const std::vector<ChildRecord>& children() const { return children_; }
  std::optional<int> stop_signal() const { return stop_signal_; }
  bool killed_by_user() const { return killed_by_user_; }  // the second signal

 private:
  enum class Phase {
    kListening,
    kRunning,
    kFinishing,
    kLeaving,
    kEnding,
    kTerminating,
    kKilling,
    kOver
  };

  void enter(Phase phase, Duration limit, TimePoint now);
  void fail(std::size_t child, Trouble trouble, TimePoint now);
  void overdue(std::size_t child, std::string what, TimePoint now);
  void signal_all(int signal);
  void end(std::size_t child, TimePoint now);
  bool alive(std::size_t child) const;
  bool islands_ended() const;
  bool only_blamed_left() const;
  void limit_ending(TimePoint now);

  std::vector<ChildRecord> children_;
  JobLimits limits_;
  Phase phase_ = Phase::kListening;
  TimePoint deadline_;
  std::optional<int> stop_signal_;
  bool killed_by_user_ = false;
  bool waits_for_blamed_ = false;      // only those that are blamed are left, and may be dying
  bool ended_by_stop_signal_ = false;  // a child
  std::vector<Action> actions_;
};

}  // namespace outrigger
