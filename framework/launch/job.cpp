#include <outrigger/framework/launch/job.h>

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/launch/verdict.h>

namespace outrigger {

Job::Job(std::vector<ChildRecord> children, JobLimits limits, TimePoint now)
    : children_(std::move(children)), limits_(limits), deadline_(now + limits.listen) {}

void Job::enter(Phase phase, Duration limit, TimePoint now) {
  phase_ = phase;
  deadline_ = now + limit;
}

bool Job::alive(std::size_t child) const {
  return children_[child].started && !children_[child].ended;
}

bool Job::islands_ended() const {
  for (std::size_t child = 1; child < children_.size(); ++child)
    if (alive(child)) return false;
  return true;
}

bool Job::only_blamed_left() const {
  for (std::size_t child = 0; child < children_.size(); ++child) {
    const auto blames = [&](const ChildRecord& other) {
      return other.trouble && is_called(children_[child], other.trouble->culprit);
    };
    // Who has reported trouble of its own is about to end by itself.
    const bool expected = children_[child].trouble.has_value() ||
                          std::none_of(children_.begin(), children_.end(), blames);
    if (alive(child) && expected) return false;
  }
  return true;
}

void Job::signal_all(int signal) {
  std::erase_if(actions_, [](const Action& a) { return std::holds_alternative<StartIslands>(a); });
  for (std::size_t child = 0; child < children_.size(); ++child) {
    if (!alive(child)) continue;
    children_[child].ended_by_us = true;
    actions_.emplace_back(SendSignal{child, signal});
  }
}

void Job::fail(std::size_t child, Trouble trouble, TimePoint now) {
  if (!children_[child].trouble) children_[child].trouble = std::move(trouble);
  if (phase_ >= Phase::kEnding) return;
  std::erase_if(actions_, [](const Action& a) { return std::holds_alternative<StartIslands>(a); });
  enter(Phase::kEnding, limits_.end, now);
}

void Job::end(std::size_t child, TimePoint now) {
  children_[child].ended = true;
  if (islands_ended() && !alive(0)) {
    phase_ = Phase::kOver;
  } else if (phase_ == Phase::kRunning) {
    enter(Phase::kFinishing, limits_.finish, now);
  }
  if (phase_ != Phase::kFinishing || !islands_ended()) return;
  // Islands that a signal ended before they had anything to save said no goodbye: the coordinator
  // would wait for it.
  if (ended_by_stop_signal_) {
    signal_all(SIGKILL);
    return enter(Phase::kKilling, limits_.kill, now);
  }
  enter(Phase::kLeaving, limits_.leave, now);
}

void Job::on_started(std::size_t child, pid_t pid) {
  children_[child].started = true;
  children_[child].pid = pid;
}

void Job::on_not_started(std::size_t child, const Status& why, TimePoint now) {
  fail(child, {now, why.message(), "", false}, now);
  end(child, now);
}

void Job::on_event(std::size_t child, const Event& event, TimePoint now) {
  const auto* listening = std::get_if<Listening>(&event);
  if (listening != nullptr && child == 0 && phase_ == Phase::kListening) {
    phase_ = Phase::kRunning;
    actions_.emplace_back(StartIslands{listening->address});
  }
  const auto* failed = std::get_if<Failed>(&event);
  if (failed == nullptr) return;
  const bool own = is_called(children_[child], failed->culprit);
  fail(child, {now, failed->message, own ? "" : failed->culprit, false}, now);
}

void Job::on_stopped(std::size_t child) {
  if (!alive(child) || phase_ != Phase::kEnding || children_[child].seen_stopped) return;
  children_[child].seen_stopped = true;
  children_[child].ended_by_us = true;
  actions_.emplace_back(SendSignal{child, SIGKILL});
}

void Job::on_exit(std::size_t child, Exit exit, TimePoint now) {
  ChildRecord& record = children_[child];
  record.exit = exit;
  const bool by_stop_signal =
      stop_signal_ && exit.value == (exit.signalled ? *stop_signal_ : kExitSignal + *stop_signal_);
  const bool fine = !exit.signalled && (exit.value == kExitDone || exit.value == kExitStopped);
  if (fine && child == 0 && phase_ == Phase::kListening)
    fail(child, {now, "it ended before it listened", "", false}, now);
  else if (by_stop_signal)
    ended_by_stop_signal_ = true;
  else if (!fine && !record.ended_by_us)
    fail(child, {now, "", "", exit.signalled}, now);
  end(child, now);
}

void Job::on_signal(int signal, TimePoint now) {
  if (stop_signal_) {
    killed_by_user_ = true;
    signal_all(SIGKILL);
    return enter(Phase::kKilling, limits_.kill, now);
  }
  stop_signal_ = signal;
  const bool can_stop = phase_ == Phase::kRunning || phase_ == Phase::kFinishing;
  if (!can_stop || islands_ended()) {
    signal_all(SIGTERM);
    return enter(Phase::kTerminating, limits_.terminate, now);
  }
  // Not the coordinator: through it the members agree on the step to stop after.
  for (std::size_t child = 1; child < children_.size(); ++child)
    if (alive(child)) actions_.emplace_back(SendSignal{child, signal});
  enter(Phase::kFinishing, limits_.finish, now);
}

void Job::overdue(std::size_t child, std::string what, TimePoint now) {
  fail(child, {now, std::move(what), "", false}, now);
}

void Job::limit_ending(TimePoint now) {
  if (waits_for_blamed_ || phase_ != Phase::kEnding || !only_blamed_left()) return;
  waits_for_blamed_ = true;
  deadline_ = std::min(deadline_, now + limits_.die);
}

void Job::on_time(TimePoint now) {
  limit_ending(now);
  if (phase_ == Phase::kRunning || phase_ == Phase::kOver || now < deadline_) return;
  if (phase_ == Phase::kListening)
    overdue(0, fmt::format("it did not listen within {:.0f} s", seconds(limits_.listen)), now);
  if (phase_ == Phase::kFinishing)
    for (std::size_t child = 1; child < children_.size(); ++child)
      if (alive(child))
        overdue(child,
                fmt::format("it did not end within {:.0f} s after {}", seconds(limits_.finish),
                            stop_signal_ ? "the signal to stop" : "the first process had"),
                now);
  if (phase_ == Phase::kKilling) {
    phase_ = Phase::kOver;  // a process in the middle of a device's call may linger
  } else if (phase_ == Phase::kTerminating || (phase_ == Phase::kEnding && waits_for_blamed_)) {
    signal_all(SIGKILL);
    enter(Phase::kKilling, limits_.kill, now);
  } else {
    signal_all(SIGTERM);
    enter(Phase::kTerminating, limits_.terminate, now);
  }
}

std::vector<Action> Job::take_actions() {
  return std::exchange(actions_, {});
}

std::optional<TimePoint> Job::deadline() const {
  if (phase_ == Phase::kRunning || phase_ == Phase::kOver) return std::nullopt;
  return deadline_;
}

}  // namespace outrigger
