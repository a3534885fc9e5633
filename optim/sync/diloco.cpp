#include <outrigger/optim/sync/diloco.h>

#include <fmt/format.h>

#include <algorithm>

namespace outrigger {

DiLoCo::DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared,
               PrivateState own)
    : Synchronizer(session, std::move(parameters), std::move(options), std::move(shared),
                   std::move(own)),
      timetable_(timetable_of(method_.options)),
      timings_(fragments_.size()) {
  if (method_.outer->asynchronous())
    throw Error({Code::kInvalidArgument,
                 fmt::format("{} is an asynchronous rule: use AsyncDiLoCo, or make_synchronizer",
                             method_.outer->name())});
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) {
    syncs_.emplace_back(session_, method_, fragments_[p], shared_.fragments[p], own_.fragments[p],
                        buffers_);
    timings_[p].resize(own_.fragments[p].open.size());
    if (!method_.gossips() || shared_.fragments[p].version.number == 0) compare_states("start", p);
  }
}

void DiLoCo::correct_gradients() {
  for (std::size_t p = 0; p < fragments_.size(); ++p) syncs_[p].correct_gradients();
}

std::vector<RoundReport> DiLoCo::step(std::uint64_t tokens) {
  count_step(tokens);
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) advance(p);
  const Boundary boundary = timetable_.at(own_.step);
  // Settle, launch, apply. A late round may be missing: finish() has applied it, and training was
  // extended.
  std::vector<std::uint32_t> due;
  for (const std::uint32_t p : boundary.applies)
    if (method_.options.delay == 0 || !own_.fragments[p].open.empty()) due.push_back(p);
  for (const std::uint32_t p : due) settle(p);
  for (const std::uint32_t p : boundary.launches) launch(p);
  std::vector<RoundReport> reports;
  for (const std::uint32_t p : due) reports.push_back(apply(p, FragmentSync::Merging::kAsOptions));
  if (method_.options.eager)
    for (const std::uint32_t p : boundary.launches) syncs_[p].place_eagerly();
  return reports;
}

std::vector<RoundReport> DiLoCo::finish() {
  std::vector<RoundReport> reports;
  // At tau = H the steps since the last launch are in no round yet: they are carried over.
  const bool late = method_.options.delay == method_.options.every;
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    while (!own_.fragments[p].open.empty())
      reports.push_back(
          apply(p, late ? FragmentSync::Merging::kCarry : FragmentSync::Merging::kAsOptions));
  std::vector<std::uint32_t> closing;
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    if (method_.gossips())
      reports.push_back(average(p));
    else if (closes(method_.options, p, own_.step))
      closing.push_back(p);
  for (const std::uint32_t p : closing) launch(p);
  for (const std::uint32_t p : closing)
    reports.push_back(apply(p, FragmentSync::Merging::kOverwrite));
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) compare_states("end", p);
  finished_ = true;
  return reports;
}

void DiLoCo::settle() {
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    for (OpenRound& open : own_.fragments[p].open) syncs_[p].settle(open);
}

void DiLoCo::launch(std::uint32_t fragment) {
  const TimePoint began = Clock::now();
  const FragmentSync::Launched launched = syncs_[fragment].launch(on_delta);
  if (!launched.finite) start_over();
  const double spent = seconds(Clock::now() - began);
  timings_[fragment].push_back({spent, launched.norm, spent});
}

void DiLoCo::advance(std::uint32_t fragment) {
  if (!method_.options.low_rank || own_.fragments[fragment].open.empty()) return;
  const TimePoint began = Clock::now();
  syncs_[fragment].advance();
  const double spent = seconds(Clock::now() - began);
  timings_[fragment].back().encode_s += spent;
  timings_[fragment].back().exposed_s += spent;
}

void DiLoCo::settle(std::uint32_t fragment) {
  std::deque<OpenRound>& open = own_.fragments[fragment].open;
  if (open.empty()) return;
  const TimePoint began = Clock::now();
  syncs_[fragment].settle(open.front());
  timings_[fragment].front().exposed_s += seconds(Clock::now() - began);
}

RoundReport DiLoCo::apply(std::uint32_t fragment, FragmentSync::Merging merging) {
  settle(fragment);
  RoundReport report;
  const TimePoint began = Clock::now();
  report.reset = !own_.fragments[fragment].open.front().finite;
  const OpenRound& oldest = own_.fragments[fragment].open.front();
  report.round = outer_round(oldest);
  report.outcome = syncs_[fragment].apply(merging);
  const std::uint64_t check = method_.options.check_every;
  if (check != 0 && (report.round + 1) % check == 0 && !method_.gossips())
    compare_states("check", fragment);
  const Timing timing = timings_[fragment].front();
  timings_[fragment].pop_front();
  report.step = own_.step;
  report.encode_s = timing.encode_s;
  report.pseudo_gradient_norm = timing.norm;
  report.apply_s = seconds(Clock::now() - began);
  report.exposed_s = timing.exposed_s + report.apply_s;
  return report;
}

RoundReport DiLoCo::average(std::uint32_t fragment) {
  const TimePoint began = Clock::now();
  RoundReport report;
  report.step = own_.step;
  report.outcome = syncs_[fragment].average();
  report.round = report.outcome.round.number;
  report.exposed_s = report.apply_s = seconds(Clock::now() - began);
  return report;
}

// One fragment that is not finite spoils the others with the next forward pass.
void DiLoCo::start_over() {
  for (FragmentSync& sync : syncs_) sync.start_over();
  if (on_reset) on_reset();
}

}  // namespace outrigger
