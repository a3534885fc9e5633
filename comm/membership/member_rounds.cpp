// Member: rounds, gathers and the agreement to stop.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <outrigger/comm/membership/member.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {

void Member::launch(const v1::Announce& announce, MemberStep& step) {
  Held& held = held_[from_wire(announce.round())];
  held.announce = announce;
  if (!in_touch()) return;
  held.told_on = connection_;
  *send(step).mutable_announce() = announce;
}

void Member::close(const v1::Close& close, MemberStep& step) {
  const RoundId id = from_wire(close.round());
  if (listens_ && !held_.contains(id) && id.number >= heard_[id.fragment]) held_[id];
  const auto found = held_.find(id);
  if (found == held_.end()) return;  // its outcome is known here
  Held& held = found->second;
  if (held.close) {
    const AttemptId now = from_wire(held.close->attempt()), other = from_wire(close.attempt());
    if (other < now) return;
    if (other == now) return report_exchange(held, step);
  }
  held.close = close;
  held.exchange = Held::kRunning;
  step.exchanges.push_back(close);
}

void Member::report_exchange(const Held& held, MemberStep& step) {
  if (!in_touch()) return;
  if (held.exchange == Held::kDone) {
    const auto& contributors = held.close->contributors();
    const bool votes = std::any_of(
        contributors.begin(), contributors.end(),
        [&](const auto& contributor) { return from_wire(contributor.member()) == self_; });
    if (!votes) return;
    v1::Vote* vote = send(step).mutable_vote();
    *vote->mutable_round() = held.close->round();
    *vote->mutable_attempt() = held.close->attempt();
    vote->set_result_hash(held.hash.bytes());
    for (const LinkUse& link : held.links) *vote->add_links() = to_wire(link);
  } else if (held.exchange == Held::kBroken) {
    v1::ExchangeFailed* failed = send(step).mutable_exchange_failed();
    *failed->mutable_round() = held.close->round();
    *failed->mutable_attempt() = held.close->attempt();
    if (held.broken.peer) *failed->mutable_peer() = to_wire(*held.broken.peer);
    failed->set_why(held.broken.why);
  }
}

void Member::exchange_done(const ExchangeDone& done, MemberStep& step) {
  const auto found = held_.find(done.round);
  if (found == held_.end() || !found->second.close) return;
  Held& held = found->second;
  if (done.attempt != from_wire(held.close->attempt())) return;
  held.exchange = Held::kDone;
  held.hash = done.hash;
  held.links = done.links;
  report_exchange(held, step);
  try_settle(done.round, step);
}

void Member::exchange_broken(const ExchangeBroken& broken, MemberStep& step) {
  const auto found = held_.find(broken.round);
  if (found == held_.end() || !found->second.close) return;
  Held& held = found->second;
  if (broken.attempt != from_wire(held.close->attempt())) return;
  held.exchange = Held::kBroken;
  held.broken = broken;
  report_exchange(held, step);
  try_settle(broken.round, step);
}

void Member::outcome(const v1::Outcome& outcome, MemberStep& step) {
  const auto found = held_.find(from_wire(outcome.round()));
  if (found == held_.end()) return;
  found->second.outcome = outcome;
  try_settle(found->first, step);
}

// Delivers the outcome once the result with its hash is here.
void Member::try_settle(const RoundId& id, MemberStep& step) {
  const Held& held = held_.at(id);
  if (!held.outcome) return;
  const bool same_attempt =
      held.close && from_wire(held.outcome->attempt()) == from_wire(held.close->attempt());
  if (same_attempt && held.exchange == Held::kRunning) return;
  const bool right = held.outcome->replicas_differ() ||
                     Hash128::from_bytes(held.outcome->result_hash()) == held.hash;
  if (held.exchange == Held::kDone && right) {
    step.outcomes.push_back(*held.outcome);
    heard_[id.fragment] = id.number + 1;
    held_.erase(id);
    return;
  }
  const std::string reason =
      held.exchange == Held::kDone     ? fmt::format("holds a result with hash {}", held.hash.hex())
      : held.exchange == Held::kBroken ? "could not get it: " + held.broken.why
                                       : "has none";
  fail({Code::kFailedPrecondition,
        fmt::format(
            "{} is committed with the result {}, but island {} {}. Under policy strict it cannot "
            "catch up: resume all islands from the last checkpoint",
            to_string(id), Hash128::from_bytes(held.outcome->result_hash()).hex(), config_.island,
            reason)},
       step);
}

void Member::applied(const Version& version, MemberStep& step) {
  const auto known = std::find_if(applied_.begin(), applied_.end(), [&](const Version& other) {
    return other.fragment == version.fragment;
  });
  if (known == applied_.end()) {
    applied_.push_back(version);
  } else {
    *known = version;
  }
  if (!in_touch()) return;
  *send(step).mutable_applied()->mutable_version() = to_wire(version);
  applied_told_on_ = connection_;
}

void Member::gather(const std::string& key, const std::string& value, MemberStep& step) {
  if (!gathers_.emplace(key, value).second || !in_touch() || !joined_) return;
  v1::Gather* gather = send(step).mutable_gather();
  gather->set_key(key);
  gather->set_value(value);
}

void Member::gathered(const v1::GatherResult& result, MemberStep& step) {
  if (gathers_.erase(result.key()) == 0) return;
  if (result.key() != stop_key_) {
    step.gathers.push_back(result);
    return;
  }
  std::uint64_t agreed = 0;
  for (const auto& entry : result.entries()) {
    std::uint64_t promise = 0;
    const std::string& text = entry.value();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), promise);
    if (error != std::errc() || end != text.data() + text.size()) {
      return fail(
          {Code::kInternal, fmt::format("{} answered '{}' when asked for the step to stop after",
                                        to_string(from_wire(entry.member())), text)},
          step);
    }
    agreed = std::max(agreed, promise);
  }
  stop_step_ = agreed;
  step.log.push_back(
      {LogLine::Level::kNote, fmt::format("all islands stop after step {}", agreed)});
}

void Member::stop_query(const v1::StopQuery& query, MemberStep& step) {
  stop_wanted_.reset();
  if (stop_key_) return;
  stop_key_ = query.key();
  promise_ = step_ + 1;  // the step that may be under way
  step.log.push_back({LogLine::Level::kNote, "the job is asked to stop: " + query.why()});
  gather(query.key(), std::to_string(promise_), step);
}

Member::Next Member::after_step(std::uint64_t step) const {
  if (stop_step_) return step >= *stop_step_ ? Next::kStop : Next::kGo;
  return stop_key_ && step >= promise_ ? Next::kWait : Next::kGo;
}

}  // namespace outrigger
