#include <outrigger/comm/membership/member.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(50);
constexpr Duration kLongestBackoff = std::chrono::seconds(1);
// Until the coordinator has said its own: how long a connection may stay silent before it is tried
// anew.
constexpr Duration kFirstAnswer = std::chrono::seconds(10);

}  // namespace

Member::Member(MemberConfig config)
    : config_(std::move(config)),
      self_{0, config_.incarnation, 0},
      step_(config_.step),
      applied_(config_.applied),
      timeout_min_(kFirstAnswer),
      timeout_max_(config_.join_timeout) {}

MemberStep Member::handle(const MemberEvent& event, TimePoint now) {
  MemberStep step;
  if (failed_ || gone_) {
    step.failed = failed_;
    step.gone = gone_;
    return step;
  }
  if (std::holds_alternative<MemberStarted>(event)) {
    started_ = last_heard_ = now;
    connect(step, now);
  } else if (const auto* said = std::get_if<CoordinatorSaid>(&event)) {
    receive(*said, step, now);
  } else if (const auto* gone = std::get_if<Disconnected>(&event)) {
    if (connected_ && gone->connection == connection_) disconnected(gone->why, step, now);
  } else if (const auto* ready = std::get_if<TransportReady>(&event)) {
    address_ = ready->address;
    if (in_touch()) send(step).mutable_ready()->set_address(*address_);
  } else if (const auto* launched = std::get_if<LaunchCalled>(&event)) {
    launch(launched->announce, step);
  } else if (std::holds_alternative<ListenCalled>(event)) {
    listens_ = true;
  } else if (const auto* done = std::get_if<ExchangeDone>(&event)) {
    exchange_done(*done, step);
  } else if (const auto* broken = std::get_if<ExchangeBroken>(&event)) {
    exchange_broken(*broken, step);
  } else if (const auto* probed = std::get_if<LinkProbed>(&event)) {
    probes_.emplace_back(probed->probe, now);
    if (in_touch() && joined_) tell_probes(probes_.size() - 1, step, now);
  } else if (const auto* version = std::get_if<AppliedCalled>(&event)) {
    applied(version->version, step);
  } else if (const auto* value = std::get_if<GatherCalled>(&event)) {
    gather(value->key, value->value, step);
  } else if (const auto* stop = std::get_if<StopCalled>(&event)) {
    if (!stop_key_ && !stop_wanted_) {
      stop_wanted_ = stop->why;
      if (in_touch() && joined_) send(step).mutable_stop_request()->set_why(stop->why);
    }
  } else if (const auto* completed = std::get_if<StepCompleted>(&event)) {
    step_ = completed->step;
  } else if (const auto* leave = std::get_if<LeaveCalled>(&event)) {
    leaving_ = leave->why;
    if (in_touch()) send(step).mutable_leave()->set_why(leave->why);
  }
  if (!failed_ && !gone_) tick(step, now);
  step.failed = failed_;
  step.gone = gone_;
  if (!failed_ && !gone_) step.next_tick = next_tick();
  return step;
}

v1::MemberMessage& Member::send(MemberStep& step) {
  v1::MemberMessage& message = step.messages.emplace_back();
  message.set_job(config_.job);
  message.set_term(term_);
  *message.mutable_from() = to_wire(self_);
  return message;
}

void Member::connect(MemberStep& step, TimePoint now) {
  connected_ = true;
  welcomed_ = false;
  step.connect = ++connection_;
  connected_at_ = now;
  v1::Hello* hello = send(step).mutable_hello();
  hello->set_protocol(kProtocolVersion);
  hello->set_island(config_.island);
  hello->set_connection(connection_);
  hello->set_recipe(config_.recipe);
  hello->set_numerics(config_.numerics);
  hello->set_rejoin(admitted_);
  hello->set_step(step_);
  for (const Version& version : applied_) *hello->add_applied() = to_wire(version);
  applied_told_on_ = connection_;
  for (auto& [id, held] : held_) {
    if (!held.announce.has_round()) continue;
    *hello->add_open() = held.announce;
    held.told_on = connection_;
  }
}

void Member::disconnected(const std::string& why, MemberStep& step, TimePoint now) {
  connected_ = welcomed_ = false;
  last_trouble_ = why;
  backoff_ = std::clamp(2 * backoff_, kFirstBackoff, std::min(kLongestBackoff, timeout_min_ / 4));
  next_connect_ = now + backoff_;
  step.log.push_back({admitted_ ? LogLine::Level::kWarning : LogLine::Level::kDetail,
                      fmt::format("no connection to the coordinator: {}", why)});
}

void Member::receive(const CoordinatorSaid& said, MemberStep& step, TimePoint now) {
  const v1::CoordinatorMessage& message = said.message;
  if (!connected_ || said.connection != connection_) return;
  if (message.job() != config_.job && !message.has_refused()) return;
  const MemberId to = from_wire(message.to());
  if (message.term() < term_ || to.incarnation != self_.incarnation || (admitted_ && to != self_))
    return;
  term_ = message.term();
  last_heard_ = now;
  backoff_ = Duration::zero();
  switch (message.body_case()) {
    case v1::CoordinatorMessage::kWelcome:
      return welcome(message.welcome(), step, now);
    case v1::CoordinatorMessage::kRoster:
      step.roster = message.roster();
      if (!joined_) {
        joined_ = true;
        resend(step, now);
      }
      return;
    case v1::CoordinatorMessage::kClose:
      return close(message.close(), step);
    case v1::CoordinatorMessage::kOutcome:
      return outcome(message.outcome(), step);
    case v1::CoordinatorMessage::kGatherResult:
      return gathered(message.gather_result(), step);
    case v1::CoordinatorMessage::kStopQuery:
      return stop_query(message.stop_query(), step);
    case v1::CoordinatorMessage::kGoodbye:
      gone_ = leaving_.has_value();
      return;
    case v1::CoordinatorMessage::kAbort:
      if (message.abort().has_culprit()) culprit_ = from_wire(message.abort().culprit());
      return fail(status_from_wire(message.abort().code(), message.abort().why()), step);
    case v1::CoordinatorMessage::kRefused: {
      const v1::Refused& refused = message.refused();
      if (refused.final()) {
        return fail(
            status_from_wire(refused.code(), refused.why())
                .with_context(fmt::format("the coordinator refused island {}", config_.island)),
            step);
      }
      step.log.push_back({LogLine::Level::kDetail, "the coordinator refused " + refused.why()});
      return;
    }
    default:
      return;  // alive, release; and what only policy elastic has a meaning for
  }
}

void Member::welcome(const v1::Welcome& welcome, MemberStep& step, TimePoint now) {
  self_ = from_wire(welcome.you());
  welcomed_ = true;
  heartbeat_ = std::max<Duration>(std::chrono::milliseconds(welcome.heartbeat_ms()),
                                  std::chrono::milliseconds(1));
  timeout_min_ = std::chrono::milliseconds(welcome.timeout_min_ms());
  timeout_max_ = std::chrono::milliseconds(welcome.timeout_max_ms());
  next_heartbeat_ = now + heartbeat_;
  if (!admitted_) step.open_transport = self_;
  admitted_ = true;
  if (address_) send(step).mutable_ready()->set_address(*address_);
  if (joined_) resend(step, now);
  if (leaving_) send(step).mutable_leave()->set_why(*leaving_);
}

// What came up while there was no connection. Votes follow when the coordinator repeats its close.
void Member::resend(MemberStep& step, TimePoint now) {
  if (applied_told_on_ != connection_) {
    for (const Version& version : applied_)
      *send(step).mutable_applied()->mutable_version() = to_wire(version);
    applied_told_on_ = connection_;
  }
  for (auto& [id, held] : held_) {
    if (held.told_on == connection_ || !held.announce.has_round()) continue;
    *send(step).mutable_announce() = held.announce;
    held.told_on = connection_;
  }
  for (const auto& [key, value] : gathers_) {
    v1::Gather* gather = send(step).mutable_gather();
    gather->set_key(key);
    gather->set_value(value);
  }
  if (stop_wanted_) send(step).mutable_stop_request()->set_why(*stop_wanted_);
  if (!probes_.empty()) tell_probes(0, step, now);
}

void Member::tell_probes(std::size_t first, MemberStep& step, TimePoint now) {
  v1::Probed* probed = send(step).mutable_probed();
  for (std::size_t k = first; k < probes_.size(); ++k) {
    const auto& [probe, at] = probes_[k];
    v1::LinkProbe* link = probed->add_links();
    *link = to_wire(probe);
    link->set_age_s(seconds(now - at));
  }
}

void Member::tick(MemberStep& step, TimePoint now) {
  if (!joined_ && now >= started_ + config_.join_timeout) {
    const std::string reached =
        admitted_
            ? "the coordinator is there, but not all islands have joined"
            : fmt::format("the coordinator does not answer ({})",
                          last_trouble_.empty() ? "the connection stays silent" : last_trouble_);
    return fail({Code::kDeadlineExceeded,
                 fmt::format("island {} could not join job {} within {:.3g} s: {}", config_.island,
                             config_.job, seconds(config_.join_timeout), reached)},
                step);
  }
  if (joined_ && now >= last_heard_ + timeout_max_) {
    return fail(
        {Code::kUnavailable,
         fmt::format(
             "the coordinator has been out of reach for {:.3g} s (membership.timeout.max): {}",
             seconds(now - last_heard_),
             last_trouble_.empty() ? "the connection stays silent" : last_trouble_)},
        step);
  }
  if (!connected_) {
    if (now >= next_connect_) connect(step, now);
    return;
  }
  if (now >= std::max(last_heard_, connected_at_) + timeout_min_) {
    step.disconnect = true;
    return disconnected(fmt::format("it has said nothing for {:.3g} s", seconds(now - last_heard_)),
                        step, now);
  }
  if (welcomed_ && now >= next_heartbeat_) {
    send(step).mutable_heartbeat()->set_step(step_);
    next_heartbeat_ = now + heartbeat_;
  }
}

void Member::fail(Status why, MemberStep& step) {
  failed_ = std::move(why);
  step.disconnect = connected_;
  connected_ = welcomed_ = false;
}

std::optional<TimePoint> Member::next_tick() const {
  TimePoint next = joined_ ? last_heard_ + timeout_max_ : started_ + config_.join_timeout;
  if (!connected_) return std::min(next, next_connect_);
  next = std::min(next, std::max(last_heard_, connected_at_) + timeout_min_);
  if (welcomed_) next = std::min(next, next_heartbeat_);
  return next;
}

}  // namespace outrigger
