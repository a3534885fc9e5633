#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/collective/link_use.h>
#include <outrigger/comm/membership/effects.h>
#include <outrigger/comm/membership/probe.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>

namespace outrigger {

struct MemberConfig {
  std::string job;
  std::string island;
  std::uint64_t incarnation = 0;
  std::string recipe;
  std::string numerics;
  std::vector<Version> applied;  // a fragment that is not named is at version 0
  std::uint64_t step = 0;        // inner steps done
  Duration join_timeout = std::chrono::seconds(60);
};

// What happens to a member. `connection` counts the connections that it asked for, from 1.
struct MemberStarted {};
struct CoordinatorSaid {
  std::uint64_t connection = 0;
  v1::CoordinatorMessage message;
};
struct Disconnected {
  std::uint64_t connection = 0;
  std::string why;
};
struct TransportReady {
  std::string address;
};
struct LaunchCalled {
  v1::Announce announce;
};
// From now on closes of rounds that were not launched here are taken part in as a spectator.
struct ListenCalled {};
struct ExchangeDone {
  RoundId round;
  AttemptId attempt;
  Hash128 hash;  // of the result, which is here
  std::vector<LinkUse> links{};
};
struct ExchangeBroken {
  RoundId round;
  AttemptId attempt;
  std::optional<MemberId> peer;
  std::string why;
};
// The coordinator hears of it, and of all so far on each new connection: it keeps none itself.
struct LinkProbed {
  LinkProbe probe;
};
struct AppliedCalled {
  Version version;
};
struct GatherCalled {
  std::string key, value;
};
struct StopCalled {
  std::string why;
};
struct StepCompleted {
  std::uint64_t step = 0;
};
struct LeaveCalled {
  std::string why;
};
struct MemberTick {};
using MemberEvent =
    std::variant<MemberStarted, CoordinatorSaid, Disconnected, TransportReady, LaunchCalled,
                 ListenCalled, ExchangeDone, ExchangeBroken, LinkProbed, AppliedCalled,
                 GatherCalled, StopCalled, StepCompleted, LeaveCalled, MemberTick>;

// What it wants done, in this order.
struct MemberStep {
  bool disconnect = false;                  // the present connection is given up
  std::optional<std::uint64_t> connect;     // open a connection: this one
  std::vector<v1::MemberMessage> messages;  // on the present connection
  std::optional<MemberId> open_transport;   // under this name; answered by TransportReady
  std::optional<v1::Roster> roster;         // the members, as the transport must know them
  std::vector<v1::Close> exchanges;         // start these; an older attempt of the same round ends
  std::vector<v1::Outcome> outcomes;        // committed, and the result with that hash is here
  std::vector<v1::GatherResult> gathers;
  bool gone = false;             // the coordinator has heard the goodbye
  std::optional<Status> failed;  // the session is over, for this reason
  std::vector<LogLine> log;
  std::optional<TimePoint> next_tick;
};

// The member's state machine, the twin of Coordinator: pure, not thread-safe; Session runs it. It
// keeps what the coordinator must hear again after a reconnect, ignores lower terms, foreign
// incarnations and older attempts, and believes its inclusion from an Outcome only.
class Member {
 public:
  explicit Member(MemberConfig config);

  MemberStep handle(const MemberEvent& event, TimePoint now);

  // Whether inner step `step`, now finished, may be followed by another one.
  enum class Next {
    kGo,
    kWait,
    kStop
  };  // kWait: the members are agreeing, and this one has come far enough
  Next after_step(std::uint64_t step) const;
  std::optional<std::uint64_t> stop_step() const { return stop_step_; }

  MemberId self() const { return self_; }
  bool joined() const { return joined_; }
  bool failed() const { return failed_.has_value(); }
  // Whose fault the job's end is, as the coordinator says.
  std::optional<MemberId> culprit() const { return culprit_; }

 private:
  struct Held {                 // a launched round whose outcome this member does not know
    v1::Announce announce;      // empty where this member only listens
    std::uint64_t told_on = 0;  // the connection that has carried the announcement
    std::optional<v1::Close> close;
    enum { kNone, kRunning, kDone, kBroken } exchange = kNone;
    Hash128 hash;
    std::vector<LinkUse> links;
    ExchangeBroken broken;
    std::optional<v1::Outcome> outcome;  // came before the exchange ended here
  };

  void connect(MemberStep& step, TimePoint now);
  void disconnected(const std::string& why, MemberStep& step, TimePoint now);
  void receive(const CoordinatorSaid& said, MemberStep& step, TimePoint now);
  void welcome(const v1::Welcome& welcome, MemberStep& step, TimePoint now);
  void resend(MemberStep& step, TimePoint now);
  void tell_probes(std::size_t first, MemberStep& step, TimePoint now);
  void tick(MemberStep& step, TimePoint now);
  void fail(Status why, MemberStep& step);
  std::optional<TimePoint> next_tick() const;

  // member_rounds.cpp
  void launch(const v1::Announce& announce, MemberStep& step);
  void close(const v1::Close& close, MemberStep& step);
  void exchange_done(const ExchangeDone& done, MemberStep& step);
  void exchange_broken(const ExchangeBroken& broken, MemberStep& step);
  void outcome(const v1::Outcome& outcome, MemberStep& step);
  void try_settle(const RoundId& id, MemberStep& step);
  void report_exchange(const Held& held, MemberStep& step);
  void applied(const Version& version, MemberStep& step);
  void gather(const std::string& key, const std::string& value, MemberStep& step);
  void gathered(const v1::GatherResult& result, MemberStep& step);
  void stop_query(const v1::StopQuery& query, MemberStep& step);

  v1::MemberMessage& send(MemberStep& step);
  bool in_touch() const { return connected_ && welcomed_; }

  const MemberConfig config_;
  MemberId self_;
  std::uint64_t term_ = 0;
  std::uint64_t step_;
  std::vector<Version> applied_;
  std::uint64_t applied_told_on_ = 0;

  TimePoint started_;
  std::uint64_t connection_ = 0;
  bool connected_ = false;  // a connection is open, or being opened
  bool welcomed_ = false;   // on the present connection
  bool admitted_ = false;   // ever
  bool joined_ = false;     // the roster is known
  TimePoint last_heard_, connected_at_, next_connect_, next_heartbeat_;
  Duration backoff_{}, heartbeat_{}, timeout_min_, timeout_max_;
  std::string last_trouble_;
  std::optional<std::string> address_;

  bool listens_ = false;
  std::map<std::uint32_t, std::uint64_t> heard_;  // listening: of each fragment, rounds delivered
  std::map<RoundId, Held> held_;
  std::vector<std::pair<LinkProbe, TimePoint>> probes_;
  std::map<std::string, std::string> gathers_;  // without a result yet
  std::optional<std::string> stop_wanted_;      // not asked back yet
  std::optional<std::string> stop_key_;
  std::uint64_t promise_ = 0;
  std::optional<std::uint64_t> stop_step_;
  std::optional<std::string> leaving_;
  bool gone_ = false;
  std::optional<Status> failed_;
  std::optional<MemberId> culprit_;
};

}  // namespace outrigger
