// Session: launching, exchanging and settling rounds.
#include <fmt/format.h>

#include <outrigger/comm/membership/session_impl.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

Status not_here(RoundId id) {
  return {Code::kNotFound, fmt::format("{} was not launched here, or is applied", to_string(id))};
}

}  // namespace

Status Session::Impl::launch(Contribution contribution) {
  const std::size_t expected = contribution.codec->encoded_bytes(contribution.elements);
  if (contribution.encoded->size() != expected) {
    return {Code::kInvalidArgument,
            fmt::format("{}: {} encoded bytes, its codec gives {}", to_string(contribution.round),
                        contribution.encoded->size(), expected)};
  }
  const Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  const RoundId id = contribution.round;
  if (rounds_.contains(id)) {
    return {Code::kFailedPrecondition, fmt::format("{} has been launched already", to_string(id))};
  }
  v1::Announce announce;
  *announce.mutable_round() = to_wire(id);
  *announce.mutable_base() = to_wire(contribution.base);
  announce.set_tokens(contribution.tokens);
  for (const double norm : contribution.norms) announce.add_norms(norm);
  announce.set_finite(contribution.finite);
  announce.set_bytes(contribution.encoded->size());
  Round& round = rounds_[id];
  round.contribution = std::move(contribution);
  round.launched_at = Clock::now();
  handle(LaunchCalled{std::move(announce)});
  return failed_;
}

void Session::Impl::start_exchange(const v1::Close& close) {
  const RoundId id = from_wire(close.round());
  const AttemptId attempt = from_wire(close.attempt());
  if (listened_ && !rounds_.contains(id)) {
    Round& heard = rounds_[id];
    heard.contribution = *listened_;
    heard.contribution.round = id;
    heard.launched_at = Clock::now();
  }
  const auto found = rounds_.find(id);
  if (found == rounds_.end() || left_) return;
  Round& round = found->second;
  const TimePoint now = Clock::now();
  if (round.attempt) {
    ++round.phases.attempts;
  } else {
    round.phases.wait_s = seconds(now - round.launched_at);
  }
  round.attempt = attempt;
  transport_->abort_before(id, attempt);
  std::erase_if(exchanges_, [](const Running& running) { return running.done->load(); });
  for (Running& running : exchanges_) {
    if (running.round == id) running.thread.request_stop();
  }
  const std::string& wanted = round.contribution.topology;
  ExchangeTask task{round.contribution,
                    close,
                    wanted.empty() ? options_.topology : wanted,
                    options_.sites,
                    now + std::chrono::milliseconds(close.timeout_ms()),
                    buffers_,
                    staging_};
  Running& running = exchanges_.emplace_back();
  running.round = id;
  ++exchange_count_.begun;
  running.thread = std::jthread([this, task = std::move(task), done = running.done,
                                 transport = transport_.get()](std::stop_token stop) {
    ExchangeReport report = run_exchange(*transport, task, stop);
    ++exchange_count_.ended;
    post(std::move(report));
    done->store(true);
  });
}

void Session::Impl::take_report(const ExchangeReport& report) {
  const auto found = rounds_.find(report.round);
  if (found == rounds_.end() || found->second.attempt != report.attempt) return;
  Round& round = found->second;
  if (!report.result.ok()) {
    handle(ExchangeBroken{report.round, report.attempt, report.peer,
                          report.result.status().message()});
    return;
  }
  round.result = report.result->bytes;
  round.result_codec = report.result->codec;
  round.voted_at = Clock::now();
  round.phases.exchange_s = report.exchange_s;
  round.phases.bytes_sent = report.result->bytes_sent;
  round.phases.bytes_received = report.result->bytes_received;
  round.phases.slowest = report.result->slowest;
  handle(ExchangeDone{report.round, report.attempt, report.result->hash, report.result->links});
}

void Session::Impl::settle(const v1::Outcome& outcome) {
  const auto found = rounds_.find(from_wire(outcome.round()));
  if (found == rounds_.end()) return;
  Round& round = found->second;
  round.phases.commit_s = seconds(Clock::now() - round.voted_at);
  RoundOutcome result;
  result.round = found->first;
  result.version = from_wire(outcome.version());
  result.sequence = outcome.sequence();
  for (const auto& contributor : outcome.contributors()) {
    result.contributors.push_back(from_wire(contributor.member()));
    result.weights.push_back(contributor.weight());
    result.norms.emplace_back(contributor.norms().begin(), contributor.norms().end());
    result.included = result.included || result.contributors.back() == member_.self();
  }
  result.codec = round.result_codec;
  result.bytes = round.result;
  result.hash = Hash128::from_bytes(outcome.result_hash());
  result.phases = round.phases;
  round.outcome = std::move(result);
}

Result<RoundOutcome> Session::Impl::wait(RoundId id) {
  Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  if (!rounds_.contains(id)) return not_here(id);
  const Status status = await(lock, [&] {
    const auto found = rounds_.find(id);
    return found == rounds_.end() || found->second.outcome.has_value();
  });
  if (!status.ok()) return status;
  const auto found = rounds_.find(id);
  if (found == rounds_.end()) {
    return Status(Code::kFailedPrecondition,
                  fmt::format("{} was applied while waited for", to_string(id)));
  }
  return *found->second.outcome;
}

Result<bool> Session::Impl::ready(RoundId id) {
  const Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  const auto found = rounds_.find(id);
  if (found == rounds_.end()) return not_here(id);
  return found->second.outcome.has_value();
}

Status Session::Impl::listen(Contribution like) {
  const Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  like.encoded = std::make_shared<const std::vector<std::byte>>();
  listened_ = std::move(like);
  handle(ListenCalled{});
  return failed_;
}

std::optional<RoundOutcome> Session::Impl::take_arrival() {
  for (const auto& [id, round] : rounds_) {
    if (!round.outcome || round.outcome->sequence != next_arrival_) continue;
    ++next_arrival_;
    return round.outcome;
  }
  return std::nullopt;
}

Result<RoundOutcome> Session::Impl::next_arrival() {
  Lock lock(mutex_);
  std::optional<RoundOutcome> arrival;
  const Status status = await(lock, [&] {
    if (!arrival) arrival = take_arrival();  // asked more than once
    return arrival.has_value();
  });
  if (!status.ok()) return status;
  return *arrival;
}

Result<std::optional<RoundOutcome>> Session::Impl::poll_arrival() {
  const Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  return take_arrival();
}

Status Session::Impl::applied(RoundId id, const Version& version) {
  const Lock lock(mutex_);
  if (!failed_.ok()) return failed_;
  const auto found = rounds_.find(id);
  if (found == rounds_.end() || !found->second.outcome) {
    return {Code::kFailedPrecondition,
            fmt::format("{} has no outcome here to be applied", to_string(id))};
  }
  if (found->second.outcome->version != version) {
    return {Code::kFailedPrecondition,
            fmt::format("{} gives {}, not {}", to_string(id),
                        to_string(found->second.outcome->version), to_string(version))};
  }
  rounds_.erase(found);
  handle(AppliedCalled{version});
  return failed_;
}

}  // namespace outrigger
