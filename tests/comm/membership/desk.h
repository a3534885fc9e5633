#pragma once

#include <map>
#include <string>
#include <vector>

#include <outrigger/comm/membership/coordinator.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger::test {

CoordinatorConfig make_config(std::size_t islands, std::uint32_t fragments = 1);
Hash128 hash_of(const std::string& text);
inline constexpr std::uint64_t kContributionBytes = 100'000'000;  // of every announcement

// A coordinator on a desk: members are played by the test, time stands still unless told to pass.
// What the coordinator journals is kept, so that it can be restarted; what it says is kept by
// island.
class Desk {
 public:
  explicit Desk(CoordinatorConfig config);

  v1::MemberMessage hello(std::uint32_t island) const;  // of the island's incarnation 100 + island
  void say(std::uint32_t island, v1::MemberMessage message);  // names filled in
  void say_raw(ConnectionId connection, const v1::MemberMessage& message);
  void connect(std::uint32_t island, v1::MemberMessage hello);  // on a new connection
  void join(std::uint32_t island);                              // hello and ready
  void join_all();
  void rejoin(std::uint32_t island, std::vector<v1::Announce> open = {});
  void lose(std::uint32_t island, const std::string& why = "Connection reset by peer");
  void pass(Duration time);           // ticking on the way, members heard
  void pass_silently(Duration time);  // nobody sends a heartbeat
  void restart();                     // from the journal; all connections gone

  void announce(std::uint32_t island, RoundId round, bool finite = true, std::uint64_t tokens = 10);
  v1::Announce announcement(RoundId round, bool finite = true, std::uint64_t tokens = 10) const;
  void vote(std::uint32_t island, RoundId round,
            const Hash128& hash);  // on the newest close it heard
  void vote_on(std::uint32_t island, RoundId round, const AttemptId& attempt, const Hash128& hash);
  void fail_exchange(std::uint32_t island, RoundId round, std::uint32_t peer);
  void apply(std::uint32_t island, const Version& version);
  void gather(std::uint32_t island, const std::string& key, const std::string& value);
  void leave(std::uint32_t island);

  // The newest message of that kind that the island heard, since the beginning; nullptr if none.
  const v1::CoordinatorMessage* heard(std::uint32_t island,
                                      v1::CoordinatorMessage::BodyCase body) const;
  int count(std::uint32_t island, v1::CoordinatorMessage::BodyCase body) const;
  const v1::Close* close(std::uint32_t island) const;
  const v1::Outcome* outcome(std::uint32_t island) const;
  std::string refusal(std::uint32_t island) const;  // why of the newest Refused; empty if none
  void forget() { inbox_.clear(); }

  const std::optional<Status>& finished() const { return finished_; }
  std::string why() const { return finished_ ? finished_->message() : ""; }
  Coordinator& coordinator() { return *coordinator_; }
  std::vector<v1::Record>& journal() { return journal_; }
  CoordinatorConfig& config() { return config_; }
  TimePoint now() const { return now_; }
  MemberId member(std::uint32_t island) const { return {island, 100 + island, 0}; }
  std::vector<LogLine> log;

 private:
  void take(CoordinatorStep step);
  void pass_in_steps(Duration time, bool heartbeats);

  CoordinatorConfig config_;
  std::vector<v1::Record> journal_;
  std::optional<Coordinator> coordinator_;
  TimePoint now_{};
  std::optional<TimePoint> next_tick_;
  ConnectionId last_connection_ = 0;
  std::map<std::uint32_t, ConnectionId> connections_;
  std::map<std::uint32_t, std::uint64_t> counts_;
  std::vector<std::pair<std::uint32_t, v1::CoordinatorMessage>> inbox_;
  std::optional<Status> finished_;
};

}  // namespace outrigger::test
