#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/metrics/event.h>

namespace outrigger {

// All islands in one line, from their events: "step 120/500  loss 2.314  8.9k tokens/s  sent 14.2
// MB  sync 3.1% ETA 2m05s". Pure: the time is passed in.
//
// step: the slowest island's; loss: the mean of the islands' latest; tokens/s and sent: their sums;
// sync: the share of all islands' time that was spent waiting for outer rounds ("exposed"); ETA:
// from the steps since the first report. What is not known yet is "-".
class Progress {
 public:
  Progress(std::uint64_t total_steps, std::size_t islands);

  void on_event(const std::string& source, const Event& event, TimePoint now);
  // At most `width` columns: fields go one by one, the least telling first (sent, sync, tokens/s,
  // ETA, loss).
  std::string line(std::size_t width, TimePoint now) const;

  std::uint64_t step() const;  // the slowest island's; 0 before the first report

 private:
  std::string waiting() const;
  double eta_s(TimePoint now) const;

  std::uint64_t total_steps_;
  std::size_t islands_;
  bool listening_ = false;
  std::size_t joined_ = 0;
  std::map<std::string, StepDone> latest_;  // by source
  bool timing_ = false;
  std::uint64_t first_step_ = 0, last_step_ = 0;  // of the slowest island, when all had reported
  TimePoint first_at_, last_at_;
};

}  // namespace outrigger
