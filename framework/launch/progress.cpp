#include <outrigger/framework/launch/progress.h>

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {

Progress::Progress(std::uint64_t total_steps, std::size_t islands)
    : total_steps_(total_steps), islands_(islands) {}

std::uint64_t Progress::step() const {
  if (latest_.empty()) return 0;
  std::uint64_t slowest = latest_.begin()->second.step;
  for (const auto& [source, step] : latest_) slowest = std::min(slowest, step.step);
  return slowest;
}

void Progress::on_event(const std::string& source, const Event& event, TimePoint now) {
  if (std::holds_alternative<Listening>(event)) listening_ = true;
  if (std::holds_alternative<Joined>(event)) ++joined_;
  const auto* done = std::get_if<StepDone>(&event);
  if (done == nullptr) return;
  latest_[source] = *done;
  if (latest_.size() < islands_) return;
  const std::uint64_t slowest = step();
  if (!timing_) first_step_ = last_step_ = slowest, first_at_ = last_at_ = now, timing_ = true;
  if (slowest > last_step_) last_step_ = slowest, last_at_ = now;
}

std::string Progress::waiting() const {
  if (!listening_) return "starting the coordinator";
  if (joined_ < islands_)
    return fmt::format("waiting for the islands ({} of {} joined)", joined_, islands_);
  return "waiting for the first step";
}

double Progress::eta_s(TimePoint now) const {
  if (!timing_ || last_step_ == first_step_ || last_step_ > total_steps_) return kUnknown;
  const double step_s =
      seconds(last_at_ - first_at_) / static_cast<double>(last_step_ - first_step_);
  const double left =
      static_cast<double>(total_steps_ - last_step_) * step_s - seconds(now - last_at_);
  return std::max(left, 0.0);
}

std::string Progress::line(std::size_t width, TimePoint now) const {
  if (latest_.empty()) return waiting().substr(0, width);
  double loss = 0, tokens_per_s = 0, exposed_s = 0, train_s = 0;
  std::uint64_t bytes_sent = 0;
  for (const auto& [source, done] : latest_) {
    loss += done.loss / static_cast<double>(latest_.size());
    tokens_per_s += done.tokens_per_s;
    bytes_sent += done.bytes_sent;
    exposed_s += done.exposed_s;
    train_s += done.train_s;
  }
  const double time_s = exposed_s + train_s;
  const std::string sync = time_s > 0 ? fmt::format("{:.1f}%", 100 * exposed_s / time_s) : "-";
  // Each with how telling it is: the lowest goes first when the line is too long.
  std::vector<std::pair<int, std::string>> fields = {
      {6, fmt::format("step {}/{}", step(), total_steps_)},
      {5, "loss " + human_number(loss)},
      {3, human_count(tokens_per_s) + " tokens/s"},
      {1, "sent " + human_bytes(bytes_sent)},
      {2, "sync " + sync},
      {4, "ETA " + human_eta(eta_s(now))}};
  std::string line;
  for (;; fields.erase(std::min_element(fields.begin(), fields.end()))) {
    line.clear();
    for (const auto& [telling, text] : fields) line += (line.empty() ? "" : "  ") + text;
    if (line.size() <= width || fields.size() == 1) return line.substr(0, width);
  }
}

}  // namespace outrigger
