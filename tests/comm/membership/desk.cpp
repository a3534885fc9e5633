#include "comm/membership/desk.h"

#include <algorithm>
#include <span>

namespace outrigger::test {

CoordinatorConfig make_config(std::size_t islands, std::uint32_t fragments) {
  const char* names[] = {"ada", "bob", "cy", "dot", "eve", "fay", "gus", "hal"};
  CoordinatorConfig config;
  config.job = "quick";
  for (std::size_t island = 0; island < islands; ++island) config.islands.push_back(names[island]);
  config.fragments = fragments;
  config.recipe = "seed: 17\nouter: {lr: 0.7}\n";
  config.numerics = kNumerics;
  config.timeout_min = std::chrono::seconds(5);
  config.timeout_max = std::chrono::minutes(10);
  config.heartbeat = std::chrono::seconds(1);
  return config;
}

Hash128 hash_of(const std::string& text) {
  return hash128(std::as_bytes(std::span(text)));
}

Desk::Desk(CoordinatorConfig config) : config_(std::move(config)) {
  restart();
}

void Desk::restart() {
  coordinator_.emplace(config_, journal_);
  connections_.clear();
  finished_.reset();
  take(coordinator_->handle(CoordinatorStarted{}, now_));
}

void Desk::take(CoordinatorStep step) {
  journal_.insert(journal_.end(), step.records.begin(), step.records.end());
  for (const auto& message : step.messages) {
    for (const auto& [island, connection] : connections_) {
      if (connection == message.connection) inbox_.emplace_back(island, message.message);
    }
  }
  log.insert(log.end(), step.log.begin(), step.log.end());
  next_tick_ = step.next_tick;
  if (step.finished && !finished_) finished_ = step.finished;
}

v1::MemberMessage Desk::hello(std::uint32_t island) const {
  v1::MemberMessage message;
  message.set_job(config_.job);
  *message.mutable_from() = to_wire(member(island));
  v1::Hello* hello = message.mutable_hello();
  hello->set_protocol(kProtocolVersion);
  hello->set_island(config_.islands[island]);
  hello->set_recipe(config_.recipe);
  hello->set_numerics(config_.numerics);
  for (std::uint32_t fragment = 0; fragment < config_.fragments; ++fragment) {
    *hello->add_applied() = to_wire(Version{fragment, 0, {}});
  }
  return message;
}

void Desk::connect(std::uint32_t island, v1::MemberMessage hello) {
  connections_[island] = ++last_connection_;
  hello.mutable_hello()->set_connection(++counts_[island]);
  say_raw(connections_[island], hello);
}

void Desk::say_raw(ConnectionId connection, const v1::MemberMessage& message) {
  take(coordinator_->handle(MessageReceived{connection, message}, now_));
}

void Desk::say(std::uint32_t island, v1::MemberMessage message) {
  message.set_job(config_.job);
  message.set_term(coordinator_->term());
  *message.mutable_from() = to_wire(member(island));
  say_raw(connections_[island], message);
}

void Desk::join(std::uint32_t island) {
  connect(island, hello(island));
  v1::MemberMessage ready;
  ready.mutable_ready()->set_address("127.0.0.1:" + std::to_string(4000 + island));
  say(island, ready);
}

void Desk::join_all() {
  for (std::uint32_t island = 0; island < config_.islands.size(); ++island) join(island);
}

void Desk::rejoin(std::uint32_t island, std::vector<v1::Announce> open) {
  v1::MemberMessage message = hello(island);
  message.mutable_hello()->set_rejoin(true);
  for (const v1::Announce& announce : open) *message.mutable_hello()->add_open() = announce;
  connect(island, message);
  v1::MemberMessage ready;
  ready.mutable_ready();
  say(island, ready);
}

void Desk::lose(std::uint32_t island, const std::string& why) {
  take(coordinator_->handle(ConnectionLost{connections_.at(island), why}, now_));
  connections_.erase(island);
}

void Desk::pass(Duration time) {
  pass_in_steps(time, true);
}
void Desk::pass_silently(Duration time) {
  pass_in_steps(time, false);
}

void Desk::pass_in_steps(Duration time, bool heartbeats) {
  const TimePoint end = now_ + time;
  while (now_ < end && !finished_) {
    TimePoint next = end;
    if (heartbeats) next = std::min(next, now_ + config_.heartbeat);
    if (next_tick_) next = std::min(next, std::max(*next_tick_, now_));
    now_ = next;
    if (heartbeats) {
      const auto present = connections_;
      for (const auto& [island, connection] : present) {
        v1::MemberMessage message;
        message.mutable_heartbeat();
        say(island, message);
      }
    }
    take(coordinator_->handle(CoordinatorTick{}, now_));
  }
}

v1::Announce Desk::announcement(RoundId round, bool finite, std::uint64_t tokens) const {
  v1::Announce announce;
  *announce.mutable_round() = to_wire(round);
  Version base{round.fragment, round.number, {}};
  const Version committed = coordinator_->committed(round.fragment);
  if (committed.number == round.number) base = committed;
  *announce.mutable_base() = to_wire(base);
  announce.set_tokens(tokens);
  announce.set_finite(finite);
  announce.set_bytes(kContributionBytes);
  return announce;
}

void Desk::announce(std::uint32_t island, RoundId round, bool finite, std::uint64_t tokens) {
  v1::MemberMessage message;
  *message.mutable_announce() = announcement(round, finite, tokens);
  say(island, message);
}

void Desk::vote(std::uint32_t island, RoundId round, const Hash128& hash) {
  AttemptId attempt;
  for (const auto& [to, message] : inbox_) {
    if (to == island && message.has_close() && from_wire(message.close().round()) == round) {
      attempt = from_wire(message.close().attempt());
    }
  }
  vote_on(island, round, attempt, hash);
}

void Desk::vote_on(std::uint32_t island, RoundId round, const AttemptId& attempt,
                   const Hash128& hash) {
  v1::MemberMessage message;
  v1::Vote* vote = message.mutable_vote();
  *vote->mutable_round() = to_wire(round);
  *vote->mutable_attempt() = to_wire(attempt);
  vote->set_result_hash(hash.bytes());
  say(island, message);
}

void Desk::fail_exchange(std::uint32_t island, RoundId round, std::uint32_t peer) {
  v1::MemberMessage message;
  v1::ExchangeFailed* failed = message.mutable_exchange_failed();
  *failed->mutable_round() = to_wire(round);
  *failed->mutable_attempt() = close(island)->attempt();
  *failed->mutable_peer() = to_wire(member(peer));
  failed->set_why("no route to " + config_.islands[peer]);
  say(island, message);
}

void Desk::apply(std::uint32_t island, const Version& version) {
  v1::MemberMessage message;
  *message.mutable_applied()->mutable_version() = to_wire(version);
  say(island, message);
}

void Desk::gather(std::uint32_t island, const std::string& key, const std::string& value) {
  v1::MemberMessage message;
  message.mutable_gather()->set_key(key);
  message.mutable_gather()->set_value(value);
  say(island, message);
}

void Desk::leave(std::uint32_t island) {
  v1::MemberMessage message;
  message.mutable_leave()->set_why("done");
  say(island, message);
}

const v1::CoordinatorMessage* Desk::heard(std::uint32_t island,
                                          v1::CoordinatorMessage::BodyCase body) const {
  const auto found = std::find_if(inbox_.rbegin(), inbox_.rend(), [&](const auto& entry) {
    return entry.first == island && entry.second.body_case() == body;
  });
  return found == inbox_.rend() ? nullptr : &found->second;
}

int Desk::count(std::uint32_t island, v1::CoordinatorMessage::BodyCase body) const {
  return static_cast<int>(std::count_if(inbox_.begin(), inbox_.end(), [&](const auto& entry) {
    return entry.first == island && entry.second.body_case() == body;
  }));
}

const v1::Close* Desk::close(std::uint32_t island) const {
  const auto* message = heard(island, v1::CoordinatorMessage::kClose);
  return message == nullptr ? nullptr : &message->close();
}

const v1::Outcome* Desk::outcome(std::uint32_t island) const {
  const auto* message = heard(island, v1::CoordinatorMessage::kOutcome);
  return message == nullptr ? nullptr : &message->outcome();
}

std::string Desk::refusal(std::uint32_t island) const {
  const auto* message = heard(island, v1::CoordinatorMessage::kRefused);
  return message == nullptr ? "" : message->refused().why();
}

}  // namespace outrigger::test
