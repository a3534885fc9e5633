#pragma once

#include <string>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/launch/progress.h>

namespace outrigger {

// Shows a job's progress on a descriptor. On a terminal the progress line is rewritten in place and
// messages scroll above it; elsewhere (or with TERM=dumb) the line is printed anew every
// plain_every when it has changed. A reader that goes away ends the output, not the job. Not
// thread-safe.
class Console {
 public:
  // The descriptor stays the caller's. REQUIRES: SIGPIPE is ignored where fd is a pipe
  // (signal_watch.h).
  Console(int fd, Progress progress, bool show_progress = true,
          Duration plain_every = std::chrono::seconds(5));
  ~Console();  // finish()

  // Takes the event in; prints it if it is one that people want to read (checkpoints, evaluations,
  // warnings).
  void on_event(const std::string& source, const Event& event);
  void message(const std::string& text);  // without control characters; may have several lines
  void tick();                            // shows what has changed
  void finish();  // the last line stays; later calls print nothing but messages

  // How often tick() has something to do.
  Duration tick_every() const;

 private:
  void write(const std::string& text);

  int fd_;
  bool terminal_;
  bool show_progress_;
  Progress progress_;
  Duration plain_every_;
  TimePoint next_plain_;
  std::string shown_;  // the line as it stands
  bool broken_ = false;
  bool finished_ = false;
};

}  // namespace outrigger
