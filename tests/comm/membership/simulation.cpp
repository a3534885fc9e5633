#include "comm/membership/simulation.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/membership/member.h>

#include "comm/membership/desk.h"

namespace outrigger::test {
namespace {

using namespace std::chrono_literals;

struct Actor {  // a member, and the trainer that drives it
  std::optional<Member> machine;
  std::optional<TimePoint> tick;
  ConnectionId connection = 0;  // the present one; 0: none
  std::uint64_t number = 0;     // the member's own count of it
  std::vector<Version> versions;
  std::vector<std::uint64_t> launched;  // by fragment: rounds launched
  std::map<RoundId, v1::Close> closes;
  bool gathered = false, asked = false, leaving = false, gone = false, dead = false;
  std::optional<Status> failed;
};

// Closes whose order follows the links, which come to be known, and forgotten, at any moment.
CoordinatorConfig ring_config(const SimulationOptions& options) {
  CoordinatorConfig config = make_config(options.islands, options.fragments);
  config.link_plan = LinkPlan::kRing;
  config.planned = {1, 1};
  return config;
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options), random_(options.seed), config_(ring_config(options)) {}

  SimulationResult run();

 private:
  using Action = std::function<void()>;

  double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }
  Duration between(Duration low, Duration high) {
    return Duration(
        std::uniform_int_distribution<Duration::rep>(low.count(), high.count())(random_));
  }
  void at(TimePoint time, Action action) {
    agenda_.emplace(std::pair(time, ++sequence_), std::move(action));
  }
  void violate(const std::string& what) {
    if (result_.violation.empty()) result_.violation = what;
  }

  void start_coordinator();
  void crash();
  void coordinator_event(const CoordinatorEvent& event);
  void take(CoordinatorStep step);
  void check_record(const v1::Record& record);
  void check_owners(const RoundId& round, const v1::Close& close);
  void deliver_to_member(ConnectionId connection, v1::CoordinatorMessage message);
  void deliver_to_coordinator(ConnectionId connection, v1::MemberMessage message);
  TimePoint arrival(ConnectionId connection, bool up);

  void member_event(std::size_t index, const MemberEvent& event);
  void take(std::size_t index, MemberStep step);
  void connect(std::size_t index, std::uint64_t number);
  void probe(std::size_t index);
  void cut(std::size_t index, const std::string& why);
  void exchange(std::size_t index, const v1::Close& close);
  void exchange_ends(std::size_t index, const v1::Close& close);
  void apply(std::size_t index, const v1::Outcome& outcome);
  void train(std::size_t index);
  bool done() const;

  const SimulationOptions options_;
  std::mt19937_64 random_;
  const CoordinatorConfig config_;
  TimePoint now_{};
  std::uint64_t sequence_ = 0;
  std::map<std::pair<TimePoint, std::uint64_t>, Action> agenda_;

  std::optional<Coordinator> coordinator_;  // empty while it is down
  std::vector<v1::Record> journal_;
  std::optional<TimePoint> tick_;
  bool dies_in_this_step_ = false;
  std::optional<Status> finished_;

  std::vector<Actor> actors_;
  ConnectionId last_connection_ = 0;
  std::map<ConnectionId, std::pair<std::size_t, std::uint64_t>>
      connections_;  // live: member, its count
  std::map<std::pair<ConnectionId, bool>, TimePoint> last_arrival_;
  std::map<RoundId, Hash128> committed_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Hash128> chains_;
  std::vector<v1::MemberMessage> old_messages_;
  std::set<std::pair<RoundId, AttemptId>> attempts_;
  std::map<RoundId, std::vector<std::uint32_t>> owners_;
  SimulationResult result_;
};

void Simulation::start_coordinator() {
  coordinator_.emplace(config_, journal_);
  take(coordinator_->handle(CoordinatorStarted{}, now_));
}

void Simulation::crash() {
  ++result_.restarts;
  coordinator_.reset();
  tick_.reset();
  for (std::size_t index = 0; index < actors_.size(); ++index) cut(index, "the coordinator died");
  at(now_ + between(10ms, 2s), [this] { start_coordinator(); });
}

void Simulation::coordinator_event(const CoordinatorEvent& event) {
  if (!coordinator_ || finished_) return;
  dies_in_this_step_ = chance() < options_.crash;
  take(coordinator_->handle(event, now_));
}

void Simulation::take(CoordinatorStep step) {
  for (const v1::Record& record : step.records) check_record(record);
  journal_.insert(journal_.end(), step.records.begin(), step.records.end());
  if (dies_in_this_step_ && !step.finished) {  // the records are durable, the messages never leave
    dies_in_this_step_ = false;
    crash();
    return;
  }
  for (auto& message : step.messages)
    deliver_to_member(message.connection, std::move(message.message));
  for (const ConnectionId connection : step.close) {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) continue;
    const auto [index, number] = found->second;
    connections_.erase(found);
    at(arrival(connection, false), [this, index = index, number = number] {
      member_event(index, Disconnected{number, "the coordinator has hung up"});
    });
  }
  tick_ = step.next_tick;
  if (step.finished) {
    finished_ = step.finished;
    if (!step.finished->ok()) result_.aborted = step.finished->message();
  }
}

void Simulation::check_record(const v1::Record& record) {
  result_.trace = hash_of(result_.trace + record.SerializeAsString()).hex();
  if (record.has_closed()) {
    const RoundId round = from_wire(record.closed().round());
    const AttemptId attempt = from_wire(record.closed().attempt());
    for (const auto& [known, number] : attempts_) {
      if (known == round && number.number >= attempt.number)
        violate("an attempt's number came twice");
    }
    if (attempt.number > 1) ++result_.retries;
    attempts_.insert({round, attempt});
    check_owners(round, record.closed());
  }
  if (!record.has_committed()) return;
  const RoundId round = from_wire(record.committed().round());
  const Version version = from_wire(record.committed().version());
  if (!committed_.emplace(round, Hash128::from_bytes(record.committed().result_hash())).second) {
    violate(to_string(round) + " committed twice");
  }
  chains_[{version.fragment, version.number}] = version.chain;
}

// The contributors, each once, in an order that no later attempt changes.
void Simulation::check_owners(const RoundId& round, const v1::Close& close) {
  std::vector<std::uint32_t> owners, contributors;
  for (const auto& owner : close.owners()) owners.push_back(owner.island());
  for (const auto& contributor : close.contributors())
    contributors.push_back(contributor.member().island());
  if (owners_.emplace(round, owners).first->second != owners)
    violate("an attempt changed the ring of " + to_string(round));
  if (owners != contributors) ++result_.reordered;
  std::ranges::sort(owners);
  if (owners != contributors) violate("the ring is not of the contributors");
}

TimePoint Simulation::arrival(ConnectionId connection, bool up) {
  TimePoint& last = last_arrival_[{connection, up}];
  last =
      std::max(last, now_ + between(1ms, 80ms));  // in order on one connection, in any order across
  return last;
}

void Simulation::deliver_to_member(ConnectionId connection, v1::CoordinatorMessage message) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  const auto [index, number] = found->second;
  at(arrival(connection, false),
     [this, index = index, number = number, message = std::move(message)] {
       member_event(index, CoordinatorSaid{number, message});
     });
}

void Simulation::deliver_to_coordinator(ConnectionId connection, v1::MemberMessage message) {
  old_messages_.push_back(message);
  at(arrival(connection, true), [this, connection, message] {
    coordinator_event(MessageReceived{connection, message});
  });
  if (chance() < options_.double_message) {
    const auto& old = old_messages_[random_() % old_messages_.size()];
    at(now_ + between(1ms, 1s), [this, connection, old] {
      if (!old.has_hello()) coordinator_event(MessageReceived{connection, old});
    });
  }
}

void Simulation::member_event(std::size_t index, const MemberEvent& event) {
  Actor& actor = actors_[index];
  if (actor.dead || actor.gone || actor.failed) return;
  take(index, actor.machine->handle(event, now_));
}

void Simulation::connect(std::size_t index, std::uint64_t number) {
  cut(index, "");
  Actor& actor = actors_[index];
  actor.number = number;
  if (!coordinator_) {
    at(now_ + 5ms, [this, index, number] { member_event(index, Disconnected{number, "refused"}); });
    return;
  }
  actor.connection = ++last_connection_;
  connections_[actor.connection] = {index, number};
}

// Some pairs are ten times as fast as others, the same seen from both ends.
void Simulation::probe(std::size_t index) {
  for (std::uint32_t from = 0; from < actors_.size(); ++from) {
    if (from == index) continue;
    const std::size_t pair =
        std::min<std::size_t>(index, from) * 8 + std::max<std::size_t>(index, from);
    const double busy_s = (options_.seed >> pair % 7) % 2 == 0 ? 0.4 : 0.04;
    member_event(index, LinkProbed{{{from, 100 + from, 0}, RateProbe::kLargest, busy_s, 0.01}});
  }
}

// Breaks the present connection: what is under way to the member is lost, what is under way to the
// coordinator may still arrive.
void Simulation::cut(std::size_t index, const std::string& why) {
  Actor& actor = actors_[index];
  if (actor.connection == 0) return;
  const ConnectionId connection = actor.connection;
  actor.connection = 0;
  connections_.erase(connection);
  at(std::max(arrival(connection, true), now_ + between(1ms, 300ms)), [this, connection] {
    coordinator_event(ConnectionLost{connection, "reset"});
  });
  if (why.empty()) return;
  at(now_ + between(1ms, 300ms), [this, index, number = actor.number, why] {
    member_event(index, Disconnected{number, why});
  });
}

void Simulation::take(std::size_t index, MemberStep step) {
  Actor& actor = actors_[index];
  if (step.disconnect) cut(index, "");
  if (step.connect) connect(index, *step.connect);
  for (auto& message : step.messages) {
    if (actor.connection != 0) deliver_to_coordinator(actor.connection, std::move(message));
  }
  actor.tick = step.next_tick;
  actor.gone = step.gone;
  if (step.failed) {
    actor.failed = step.failed;
    cut(index, "");
    return;
  }
  for (const v1::Close& close : step.exchanges) exchange(index, close);
  for (const v1::Outcome& outcome : step.outcomes) apply(index, outcome);
  if (!step.gathers.empty()) {
    actor.gathered = true;
    if (step.gathers.front().entries_size() != static_cast<int>(actors_.size()))
      violate("a gather lacks a value");
  }
  if (step.open_transport) member_event(index, TransportReady{"virtual"});
  if (step.roster) at(now_ + between(1ms, 2s), [this, index] { probe(index); });
  if (step.roster || !step.gathers.empty()) {
    at(now_ + between(1ms, 200ms), [this, index] { train(index); });
  }
}

void Simulation::exchange(std::size_t index, const v1::Close& close) {
  const RoundId round = from_wire(close.round());
  const AttemptId attempt = from_wire(close.attempt());
  actors_[index].closes[round] = close;
  // A receive breaks only together with its send: such an attempt is the first contributor's to
  // report.
  const bool contributes =
      std::any_of(close.contributors().begin(), close.contributors().end(),
                  [&](const auto& contributor) { return contributor.member().island() == index; });
  const bool breaks = contributes && attempt.number == 1 && chance() < options_.broken_exchange;
  at(now_ + between(5ms, 400ms), [this, index, round, attempt, close, breaks] {
    if (breaks) {
      member_event(index, ExchangeBroken{round, attempt, std::nullopt, "a link was cut"});
    } else {
      exchange_ends(index, close);
    }
  });
}

// The result is a function of the round and who is in it. The first contributor is done when it has
// handed the result to those who were left out, which can receive it once they have heard of the
// close.
void Simulation::exchange_ends(std::size_t index, const v1::Close& close) {
  const RoundId round = from_wire(close.round());
  const AttemptId attempt = from_wire(close.attempt());
  if (actors_[index].closes.at(round).attempt().number() != attempt.number) return;
  const bool hands_on = close.contributors(0).member().island() == index;
  for (const auto& spectator : close.spectators()) {
    const auto& heard = actors_[spectator.island()].closes;
    if (!hands_on || actors_[spectator.island()].dead) continue;
    if (heard.contains(round) && heard.at(round).attempt().number() >= attempt.number) continue;
    at(now_ + 20ms, [this, index, close] { exchange_ends(index, close); });
    return;
  }
  std::string inputs = to_string(round);
  for (const auto& contributor : close.contributors()) inputs += contributor.SerializeAsString();
  member_event(index, ExchangeDone{round, attempt, hash_of(inputs)});
}

void Simulation::apply(std::size_t index, const v1::Outcome& outcome) {
  const Version version = from_wire(outcome.version());
  at(now_ + between(1ms, 500ms), [this, index, version] {
    Actor& actor = actors_[index];
    if (actor.dead || actor.failed) return;
    Version& mine = actor.versions[version.fragment];
    if (version.number != mine.number + 1)
      violate(fmt::format("member {} skips to {}", index, to_string(version)));
    if (chains_.at({version.fragment, version.number}) != version.chain) {
      violate(fmt::format("member {} applies {}, which is not the committed one", index,
                          to_string(version)));
    }
    mine = version;
    member_event(index, AppliedCalled{version});
    train(index);
  });
}

// Launches what may be launched; at the end gathers once and leaves.
void Simulation::train(std::size_t index) {
  Actor& actor = actors_[index];
  if (actor.dead || actor.failed || actor.gone || !actor.machine->joined()) return;
  bool all = true;
  for (std::uint32_t fragment = 0; fragment < options_.fragments; ++fragment) {
    const Version& version = actor.versions[fragment];
    if (version.number < options_.rounds) all = false;
    if (actor.launched[fragment] != version.number || version.number == options_.rounds) continue;
    ++actor.launched[fragment];
    v1::Announce announce;
    *announce.mutable_round() = to_wire(RoundId{fragment, version.number});
    *announce.mutable_base() = to_wire(version);
    announce.set_tokens(10 + index);
    announce.set_bytes(kContributionBytes);
    announce.set_finite(index != 0 || actors_.size() == 1 || version.number % 4 != 3);
    member_event(index, LaunchCalled{announce});
  }
  if (!all) return;
  if (!actor.asked) {
    actor.asked = true;
    member_event(index, GatherCalled{"end", "x"});
  } else if (actor.gathered && !actor.leaving) {
    actor.leaving = true;
    member_event(index, LeaveCalled{"done"});
  }
}

bool Simulation::done() const {
  for (const Actor& actor : actors_) {
    if (!actor.dead && !actor.gone && !actor.failed) return false;
  }
  return finished_.has_value();
}

SimulationResult Simulation::run() {
  start_coordinator();
  for (std::uint32_t island = 0; island < options_.islands; ++island) {
    Actor& actor = actors_.emplace_back();
    MemberConfig member;
    member.job = config_.job;
    member.island = config_.islands[island];
    member.incarnation = 100 + island;
    member.recipe = config_.recipe;
    member.numerics = config_.numerics;
    member.join_timeout = 300s;
    actor.machine.emplace(member);
    for (std::uint32_t fragment = 0; fragment < options_.fragments; ++fragment) {
      actor.versions.push_back({fragment, 0, {}});
    }
    actor.launched.assign(options_.fragments, 0);
  }
  for (std::size_t index = 0; index < actors_.size(); ++index) {
    at(now_ + between(0ms, 2s), [this, index] { member_event(index, MemberStarted{}); });
  }
  if (options_.kill) {
    const std::size_t victim = random_() % actors_.size();
    at(now_ + between(0ms, 4s), [this, victim] {
      actors_[victim].dead = !actors_[victim].gone;
      if (actors_[victim].dead) cut(victim, "");
    });
  }
  const TimePoint horizon = now_ + std::chrono::hours(2);
  for (int events = 0; !done(); ++events) {
    TimePoint next = horizon + 1s;
    const auto sooner = [&](TimePoint time) { next = std::min(next, time); };
    if (tick_ && coordinator_ && !finished_) sooner(*tick_);
    for (const Actor& actor : actors_) {
      if (actor.tick && !actor.dead && !actor.gone && !actor.failed) sooner(*actor.tick);
    }
    if (!agenda_.empty()) sooner(agenda_.begin()->first.first);
    if (next > horizon || events > 200000) {
      violate("somebody waits for ever");
      break;
    }
    now_ = std::max(now_, next);
    if (!agenda_.empty() && agenda_.begin()->first.first <= now_) {
      const Action action = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      action();
    } else {
      if (tick_ && *tick_ <= now_) coordinator_event(CoordinatorTick{});
      for (std::size_t index = 0; index < actors_.size(); ++index) {
        if (actors_[index].tick && *actors_[index].tick <= now_) member_event(index, MemberTick{});
      }
    }
    if (chance() < options_.cut) {
      ++result_.cuts;
      cut(random_() % actors_.size(), "cut");
    }
    if (!result_.violation.empty()) break;
  }
  result_.finished = finished_ && finished_->ok();
  for (const Actor& actor : actors_) {
    result_.finished = result_.finished && actor.versions == actors_[0].versions &&
                       actor.versions[0].number == options_.rounds;
  }
  return result_;
}

}  // namespace

SimulationResult simulate(const SimulationOptions& options) {
  return Simulation(options).run();
}

}  // namespace outrigger::test
