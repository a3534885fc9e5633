#include <outrigger/comm/membership/coordinator.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outrigger/comm/membership/wire.h>

namespace outrigger {

Coordinator::Coordinator(CoordinatorConfig config, const std::vector<v1::Record>& journal)
    : config_(std::move(config)), seats_(config_.islands.size()), rounds_(config_) {
  for (const v1::Record& record : journal) replay(record);
  ++term_;
}

void Coordinator::replay(const v1::Record& record) {
  rounds_.replay(record);
  gathers_.replay(record);
  if (record.has_term_started()) {
    term_ = record.term_started().term();
    if (!record.term_started().new_life()) return;
    seats_.assign(config_.islands.size(), Seat{});
    finished_.reset();
  } else if (record.has_admitted()) {
    const MemberId member = from_wire(record.admitted().peer().member());
    if (member.island < seats_.size()) seats_[member.island].member = member;
    epoch_ = record.admitted().epoch();
  } else if (record.has_left()) {
    const std::uint32_t island = record.left().member().island();
    if (island < seats_.size()) seats_[island].left = true;
  } else if (record.has_finished()) {
    const v1::Record::Finished& finished = record.finished();
    finished_ =
        JobEnd{finished.code() == 0 ? Status() : status_from_wire(finished.code(), finished.why()),
               std::nullopt};
    if (finished.has_culprit()) finished_->culprit = from_wire(finished.culprit());
  }
}

CoordinatorStep Coordinator::handle(const CoordinatorEvent& event, TimePoint now) {
  const bool was_finished = finished_ && !std::holds_alternative<CoordinatorStarted>(event);
  Effects effects;
  if (std::holds_alternative<CoordinatorStarted>(event)) start(effects, now);
  if (const auto* received = std::get_if<MessageReceived>(&event)) receive(*received, effects, now);
  if (const auto* connection = std::get_if<ConnectionLost>(&event)) lost(*connection, effects, now);
  if (!finished_) {
    check_departures(effects);
    if (std::holds_alternative<CoordinatorTick>(event)) tick(effects, now);
  }

  CoordinatorStep step;
  step.records = std::move(effects.records);
  step.log = std::move(effects.log);
  for (Effects::Message& message : effects.messages) {
    const Seat& seat = seats_[message.island];
    if (!seat.connection) continue;  // it asks when it is back
    address_message(message.message, *seat.member);
    step.messages.push_back({*seat.connection, std::move(message.message)});
  }
  for (auto& message : strangers_) step.messages.push_back(std::move(message));
  strangers_.clear();
  if (effects.verdict && !was_finished) end_job(*effects.verdict, step);
  step.close = std::move(closing_);
  closing_.clear();
  for (const ConnectionId connection : step.close) {
    if (Seat* seat = find_seat(connection)) seat->connection.reset();
  }
  if (finished_) {
    step.finished = finished_->status;
    step.culprit = finished_->culprit;
  } else {
    step.next_tick = next_tick();
  }
  return step;
}

void Coordinator::start(Effects& effects, TimePoint now) {
  started_ = now;
  v1::Record started;
  started.mutable_term_started()->set_term(term_);
  started.mutable_term_started()->set_new_life(config_.new_life);
  if (config_.new_life) {
    replay(started);
  }
  if (finished_) return;
  effects.records.push_back(started);
  rounds_.start(term_, now);
  for (Seat& seat : seats_) {
    seat.last_heard = now;
    seat.away_until = now + config_.timeout_min;
    seat.away_why = "it has not come back since the coordinator was restarted";
  }
  effects.note(
      fmt::format("coordinator of job {}: term {}, policy strict, {} islands, {} fragments",
                  config_.job, term_, seats_.size(), config_.fragments));
}

void Coordinator::receive(const MessageReceived& event, Effects& effects, TimePoint now) {
  const v1::MemberMessage& message = event.message;
  const MemberId from = from_wire(message.from());
  if (message.job() != config_.job) {
    refuse_member(
        event.connection, from,
        {Code::kFailedPrecondition, fmt::format("this is the coordinator of job '{}', not of '{}'",
                                                config_.job, message.job())});
    return;
  }
  if (message.has_hello()) {
    hello(event.connection, message, effects, now);
    return;
  }
  Seat* seat = find_seat(event.connection);
  if (seat == nullptr || finished_)
    return;  // replaced by a newer connection of the member, or closing
  seat->last_heard = now;
  seat->heard = true;
  if (from != *seat->member) {
    effects.refuse(seat->member->island,
                   fmt::format("{} came from {} on the connection of {}", describe(message),
                               to_string(from), to_string(*seat->member)));
  } else if (message.term() != term_) {
    effects.refuse(from.island, fmt::format("{} is of term {}, the coordinator's is {}",
                                            describe(message), message.term(), term_));
  } else {
    dispatch(*seat, message, effects, now);
  }
}

void Coordinator::dispatch(Seat& seat, const v1::MemberMessage& message, Effects& effects,
                           TimePoint now) {
  const MemberId from = *seat.member;
  const bool needs_all = message.has_announce() || message.has_gather();
  if (needs_all && !complete()) {
    effects.refuse(from.island,
                   fmt::format("{} came before all islands joined", describe(message)));
    return;
  }
  switch (message.body_case()) {
    case v1::MemberMessage::kReady:
      return ready(seat, message.ready(), effects);
    case v1::MemberMessage::kAnnounce:
      return rounds_.announce(from, message.announce(), admitted(), now, effects);
    case v1::MemberMessage::kVote:
      return rounds_.vote(from, message.vote(), live(), now, effects);
    case v1::MemberMessage::kProbed:
      return rounds_.probed(from, message.probed(), now);
    case v1::MemberMessage::kExchangeFailed:
      return rounds_.exchange_failed(from, message.exchange_failed(), live(), now, effects);
    case v1::MemberMessage::kApplied:
      return rounds_.applied(from, from_wire(message.applied().version()), live(), effects);
    case v1::MemberMessage::kHeartbeat:
      effects.send(from.island).mutable_alive();
      return;
    case v1::MemberMessage::kGather:
      return gathers_.add(from, message.gather(),
                          message.gather().key().starts_with(kStopPrefix) ? live() : admitted(),
                          now, effects);
    case v1::MemberMessage::kStopRequest:
      return gathers_.stop(fmt::format("{} asks: {}", name(seat), message.stop_request().why()),
                           live(), effects);
    case v1::MemberMessage::kLeave:
      return leave(seat, message.leave(), effects);
    default:
      effects.refuse(from.island, describe(message) + " has no meaning under policy strict");
  }
}

void Coordinator::lost(const ConnectionLost& event, Effects& effects, TimePoint now) {
  Seat* seat = find_seat(event.connection);
  if (seat == nullptr) return;
  seat->connection.reset();
  seat->away_until = now + config_.timeout_min;
  seat->away_why = fmt::format("its connection to the coordinator broke ({})", event.why);
  effects.warn(fmt::format("{}: {}", name(*seat), seat->away_why));
}

void Coordinator::tick(Effects& effects, TimePoint now) {
  for (const Seat& seat : seats_) {
    if (!seat.member || seat.left) continue;
    if (!seat.connection && now >= seat.away_until)
      return member_lost(seat, seat.away_why, effects, now);
    if (seat.connection && now >= seat.last_heard + config_.timeout_min) {
      return member_lost(seat, "it is connected but silent: stopped, or its machine or link hangs",
                         effects, now);
    }
  }
  if (!all_ready() && now >= started_ + config_.timeout_max) {
    effects.end_job(
        {Code::kDeadlineExceeded,
         fmt::format("{} did not join within {:.3g} s (membership.timeout.max). Was it started, "
                     "and does it reach the coordinator?",
                     missing(), seconds(config_.timeout_max))});
    return;
  }
  rounds_.tick(now, live(), effects);
  gathers_.tick(now, config_.timeout_max, live(), effects);
}

void Coordinator::member_lost(const Seat& seat, const std::string& why, Effects& effects,
                              TimePoint now) {
  const std::string text = fmt::format(
      "{} is lost: {}. The coordinator noticed; {}. Policy strict: the job ends. See the end of "
      "that island's "
      "log, then resume from the last checkpoint",
      name(seat), why,
      seat.heard
          ? fmt::format("its last message came {:.3g} s ago", seconds(now - seat.last_heard))
          : fmt::format("no message came in the {:.3g} s of this term", seconds(now - started_)));
  v1::Record::Evicted* evicted = effects.record().mutable_evicted();
  *evicted->mutable_member() = to_wire(*seat.member);
  evicted->set_epoch(++epoch_);
  evicted->set_why(why);
  effects.end_job({Code::kUnavailable, text}, seat.member);
}

void Coordinator::leave(Seat& seat, const v1::Leave& leave, Effects& effects) {
  seat.left = true;
  seat.left_why = leave.why();
  v1::Record::Left* left = effects.record().mutable_left();
  *left->mutable_member() = to_wire(*seat.member);
  left->set_why(leave.why());
  effects.send(seat.member->island).mutable_goodbye();
  closing_.push_back(*seat.connection);
  effects.note(fmt::format("{} leaves: {}", name(seat), leave.why()));
  if (std::all_of(seats_.begin(), seats_.end(), [](const Seat& other) { return other.left; })) {
    effects.end_job(Status());
    return;
  }
  gathers_.left(live(), effects);
  rounds_.release(live(), effects);
}

// Under policy strict nobody can go on in a round or gather that a member left behind.
void Coordinator::check_departures(Effects& effects) {
  for (const Seat& seat : seats_) {
    if (!seat.left) continue;
    std::string what;
    if (const auto round = rounds_.needs(*seat.member)) what = to_string(*round);
    if (const auto key = gathers_.needs(*seat.member))
      what = fmt::format("the gather of '{}'", *key);
    if (what.empty()) continue;
    effects.end_job(
        {Code::kUnavailable,
         fmt::format("{} has left the job ({}), but {} needs it", name(seat),
                     seat.left_why.empty() ? "before the coordinator's restart" : seat.left_why,
                     what)},
        seat.member);
  }
}

void Coordinator::end_job(const JobEnd& verdict, CoordinatorStep& step) {
  finished_ = verdict;
  v1::Record::Finished* finished = step.records.emplace_back().mutable_finished();
  finished->set_code(static_cast<std::uint32_t>(verdict.status.code()));
  finished->set_why(verdict.status.message());
  if (verdict.culprit) *finished->mutable_culprit() = to_wire(*verdict.culprit);
  if (verdict.status.ok()) {
    step.log.push_back({LogLine::Level::kNote, "all islands have left: the job is done"});
  } else {
    step.log.push_back({LogLine::Level::kWarning, "the job ends: " + verdict.status.to_string()});
  }
  for (const Seat& seat : seats_) {
    if (!seat.connection || seat.left) continue;
    v1::CoordinatorMessage message;
    v1::Abort* abort = message.mutable_abort();
    abort->set_code(finished->code());
    abort->set_why(verdict.status.message());
    if (verdict.culprit) *abort->mutable_culprit() = to_wire(*verdict.culprit);
    address_message(message, *seat.member);
    step.messages.push_back({*seat.connection, std::move(message)});
    closing_.push_back(*seat.connection);
  }
}

bool Coordinator::complete() const {
  return std::all_of(seats_.begin(), seats_.end(),
                     [](const Seat& seat) { return seat.member.has_value(); });
}

bool Coordinator::all_ready() const {
  return std::all_of(seats_.begin(), seats_.end(),
                     [](const Seat& seat) { return seat.ready || seat.left; });
}

std::vector<MemberId> Coordinator::live() const {
  std::vector<MemberId> members;
  for (const Seat& seat : seats_) {
    if (seat.member && !seat.left) members.push_back(*seat.member);
  }
  return members;
}

std::vector<MemberId> Coordinator::admitted() const {
  std::vector<MemberId> members;
  for (const Seat& seat : seats_) {
    if (seat.member) members.push_back(*seat.member);
  }
  return members;
}

std::string Coordinator::missing() const {
  std::vector<std::string> names;
  for (const Seat& seat : seats_) {
    if (!seat.ready && !seat.left) names.push_back(name(seat));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<TimePoint> Coordinator::next_tick() const {
  std::optional<TimePoint> next = rounds_.next_tick();
  const auto sooner = [&](TimePoint time) { next = next ? std::min(*next, time) : time; };
  for (const Seat& seat : seats_) {
    if (!seat.member || seat.left) continue;
    sooner(seat.connection ? seat.last_heard + config_.timeout_min : seat.away_until);
  }
  if (!all_ready()) sooner(started_ + config_.timeout_max);
  if (const auto gathers = gathers_.next_tick(config_.timeout_max)) sooner(*gathers);
  return next;
}

std::string Coordinator::name(const Seat& seat) const {
  return fmt::format("island {}", config_.islands[static_cast<std::size_t>(&seat - seats_.data())]);
}

Coordinator::Seat* Coordinator::find_seat(ConnectionId connection) {
  for (Seat& seat : seats_) {
    if (seat.connection == connection) return &seat;
  }
  return nullptr;
}

void Coordinator::address_message(v1::CoordinatorMessage& message, const MemberId& to) const {
  message.set_job(config_.job);
  message.set_term(term_);
  *message.mutable_to() = to_wire(to);
}

}  // namespace outrigger
