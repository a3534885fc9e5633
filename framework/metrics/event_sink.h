#pragma once

#include <functional>
#include <memory>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/metrics/event.h>

namespace outrigger {

// A child's end of the channel to its supervisor: a stream socket that the child inherits, its
// number in the environment variable below. Without a supervisor the events are printed as plain
// lines on stdout.
//
// send() never waits for the supervisor: what the socket does not take is queued, up to 1 MiB;
// beyond that steps, rounds and log lines are dropped and the gap is reported, all other kinds are
// kept. What the socket does take has left the process when send() returns. No SIGPIPE, ever.
// Thread-safe; owns one thread.
class EventSink {
 public:
  static constexpr const char* kEnvironment = "OUTRIGGER_EVENTS_FD";

  // Takes the channel over from the environment (later calls, and children of this process, find
  // none). Call it before any thread starts, because it changes the environment. A value that is
  // not an open socket means no supervisor, with a line on stderr.
  static std::unique_ptr<EventSink> from_environment();

  explicit EventSink(int socket);  // takes the socket over; -1: print
  ~EventSink();                    // hands over what is queued, for at most 2 s

  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  bool supervised() const;
  void send(const Event& event);

  // The supervisor has died: `callback` runs once, on the sink's thread, at the latest when it is
  // set. It should make the process checkpoint and exit, and return at once. If the process is
  // still there `grace` later, it is ended with exit code 1, so no orphan stays. From then on
  // events are printed. Without a supervisor nothing happens. An empty
  // callback takes the last one away; on return no earlier one is under way (so not from within).
  //
  // Why the channel and not prctl(PR_SET_PDEATHSIG): that signal comes when the *thread* that
  // forked ends, is lost when the parent dies before the prctl, and as SIGKILL leaves no time for a
  // checkpoint. The kernel closes the supervisor's end however it dies.
  void on_supervisor_gone(std::function<void()> callback, Duration grace = std::chrono::minutes(2));

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outrigger
