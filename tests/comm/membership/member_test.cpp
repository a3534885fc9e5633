#include <algorithm>

#include <outrigger/comm/membership/member.h>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;

namespace {

constexpr RoundId kRound{0, 0};

MemberConfig member_config() {
  MemberConfig config;
  config.job = "quick";
  config.island = "bob";
  config.incarnation = 101;
  config.recipe = "seed: 17\n";
  config.numerics = kNumerics;
  config.applied = {Version{0, 0, {}}};
  return config;
}

// A member alone; the test plays its coordinator.
class Chair {
 public:
  Chair() : member(member_config()) { take(member.handle(MemberStarted{}, now)); }

  MemberStep say(v1::CoordinatorMessage message, std::uint64_t term = 1,
                 std::uint64_t incarnation = 101) {
    message.set_job("quick");
    message.set_term(term);
    *message.mutable_to() = to_wire(MemberId{1, incarnation, 0});
    return take(member.handle(CoordinatorSaid{connection, message}, now));
  }
  MemberStep handle(const MemberEvent& event) { return take(member.handle(event, now)); }

  MemberStep welcome(std::uint64_t term = 1, std::uint64_t incarnation = 101) {
    v1::CoordinatorMessage message;
    *message.mutable_welcome()->mutable_you() = to_wire(MemberId{1, 101, 0});
    message.mutable_welcome()->set_heartbeat_ms(1000);
    message.mutable_welcome()->set_timeout_min_ms(5000);
    message.mutable_welcome()->set_timeout_max_ms(600000);
    return say(message, term, incarnation);
  }
  void join() {
    welcome();
    handle(TransportReady{"127.0.0.1:4001"});
    v1::CoordinatorMessage roster;
    roster.mutable_roster();
    say(roster);
  }
  MemberStep launch() {
    v1::Announce announce;
    *announce.mutable_round() = to_wire(kRound);
    return handle(LaunchCalled{announce});
  }
  v1::CoordinatorMessage close(std::uint64_t term, std::uint64_t number,
                               bool included = true) const {
    v1::CoordinatorMessage message;
    *message.mutable_close()->mutable_round() = to_wire(kRound);
    *message.mutable_close()->mutable_attempt() = to_wire(AttemptId{term, number});
    const MemberId contributor = included ? MemberId{1, 101, 0} : MemberId{0, 100, 0};
    *message.mutable_close()->add_contributors()->mutable_member() = to_wire(contributor);
    return message;
  }
  v1::CoordinatorMessage outcome(std::uint64_t term, std::uint64_t number,
                                 const Hash128& hash) const {
    v1::CoordinatorMessage message;
    *message.mutable_outcome()->mutable_round() = to_wire(kRound);
    *message.mutable_outcome()->mutable_attempt() = to_wire(AttemptId{term, number});
    message.mutable_outcome()->set_result_hash(hash.bytes());
    return message;
  }
  MemberStep pass(Duration time) {
    now += time;
    return handle(MemberTick{});
  }

  Member member;
  TimePoint now{};
  std::uint64_t connection = 0;

 private:
  MemberStep take(MemberStep step) {
    if (step.connect) connection = *step.connect;
    return step;
  }
};

int votes(const MemberStep& step) {
  return static_cast<int>(std::count_if(step.messages.begin(), step.messages.end(),
                                        [](const auto& message) { return message.has_vote(); }));
}

const v1::MemberMessage* find(const MemberStep& step, v1::MemberMessage::BodyCase body) {
  for (const auto& message : step.messages) {
    if (message.body_case() == body) return &message;
  }
  return nullptr;
}

}  // namespace

// Mutation: in Member::close, leave out `if (other < now) return;`.
TEST_CASE("a member ignores the close of an older attempt and starts anew on a newer one") {
  Chair chair;
  chair.join();
  chair.launch();
  CHECK(chair.say(chair.close(1, 2)).exchanges.size() == 1);
  CHECK(chair.say(chair.close(1, 1)).exchanges.empty());
  CHECK(votes(chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")})) == 0);
  CHECK(chair.say(chair.close(1, 3)).exchanges.size() == 1);
  CHECK(votes(chair.handle(ExchangeDone{kRound, {1, 2}, hash_of("a")})) == 0);
  CHECK(votes(chair.handle(ExchangeDone{kRound, {1, 3}, hash_of("a")})) == 1);
}

// Mutation: in Member::receive, leave out `message.term() < term_` (`to.incarnation !=
// self_.incarnation`).
TEST_CASE("a member ignores lower terms and what is meant for another incarnation") {
  Chair chair;
  CHECK_FALSE(chair.welcome(1, 77).open_transport);
  chair.join();
  chair.launch();
  CHECK(chair.say(chair.close(1, 1), 1, 77).exchanges.empty());
  v1::CoordinatorMessage alive;
  alive.mutable_alive();
  chair.say(alive, 4);
  CHECK(chair.say(chair.close(3, 1), 3).exchanges.empty());
  CHECK(chair.say(chair.close(4, 1), 4).exchanges.size() == 1);
}

// Mutation: in Member::close, ignore a close of the present attempt.
TEST_CASE("a repeated close is answered by the same vote, without a new exchange") {
  Chair chair;
  chair.join();
  chair.launch();
  chair.say(chair.close(1, 1));
  chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")});
  const MemberStep again = chair.say(chair.close(1, 1));
  CHECK(again.exchanges.empty());
  REQUIRE(votes(again) == 1);
  CHECK(find(again, v1::MemberMessage::kVote)->vote().result_hash() == hash_of("a").bytes());
}

// Mutation: in Member::connect, leave out the open announcements.
TEST_CASE(
    "after a reconnect the member names the rounds that it holds, votes again, and hears the "
    "outcome") {
  Chair chair;
  chair.join();
  chair.launch();
  chair.say(chair.close(1, 1));
  chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")});
  chair.handle(Disconnected{chair.connection, "reset"});
  const MemberStep back = chair.pass(60ms);
  REQUIRE(back.connect);
  const v1::MemberMessage* hello = find(back, v1::MemberMessage::kHello);
  REQUIRE(hello != nullptr);
  CHECK(hello->hello().rejoin());
  CHECK(hello->hello().open_size() == 1);
  chair.welcome();
  CHECK(votes(chair.say(chair.close(1, 1))) == 1);
  CHECK(chair.say(chair.outcome(1, 1, hash_of("a"))).outcomes.size() == 1);
  CHECK(chair.say(chair.outcome(1, 1, hash_of("a"))).outcomes.empty());
}

// Mutation: in Member::resend, leave out the announcements.
TEST_CASE("what was launched and gathered without a connection is told at the next welcome") {
  Chair chair;
  chair.join();
  chair.handle(Disconnected{chair.connection, "reset"});
  chair.pass(60ms);
  CHECK(chair.launch().messages.empty());
  CHECK(chair.handle(GatherCalled{"loss", "1"}).messages.empty());
  const MemberStep welcomed = chair.welcome();
  CHECK(find(welcomed, v1::MemberMessage::kAnnounce) != nullptr);
  CHECK(find(welcomed, v1::MemberMessage::kGather) != nullptr);
}

// Mutation: in Member::try_settle, leave out the comparison of the hashes.
TEST_CASE("an outcome whose result is not here is an error that says what to do") {
  Chair chair;
  chair.join();
  chair.launch();
  chair.say(chair.close(1, 1));
  chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")});
  const MemberStep step = chair.say(chair.outcome(1, 1, hash_of("b")));
  CHECK(step.outcomes.empty());
  REQUIRE(step.failed);
  CHECK(step.failed->message().find("resume all islands from the last checkpoint") !=
        std::string::npos);
}

// Mutation: in Member::report_exchange, let spectators vote.
// Mutation: in Member::try_settle, leave out the line that waits for a running exchange.
TEST_CASE("a member that was left out does not vote and waits for its copy of the result") {
  Chair chair;
  chair.join();
  chair.launch();
  chair.say(chair.close(1, 1, false));
  const MemberStep early = chair.say(chair.outcome(1, 1, hash_of("a")));
  CHECK(early.outcomes.empty());
  CHECK_FALSE(early.failed);
  const MemberStep done = chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")});
  CHECK(votes(done) == 0);
  CHECK(done.outcomes.size() == 1);
}

// Mutation: in Member::stop_query, promise_ = step_.
// Mutation: in Member::gathered, take the minimum.
TEST_CASE("members agree on the highest promised step and wait only where they promised to") {
  Chair chair;
  chair.join();
  chair.handle(StepCompleted{6});
  v1::CoordinatorMessage query;
  query.mutable_stop_query()->set_key("stop:1");
  const MemberStep asked = chair.say(query);
  REQUIRE(find(asked, v1::MemberMessage::kGather) != nullptr);
  CHECK(find(asked, v1::MemberMessage::kGather)->gather().value() == "7");
  CHECK(chair.member.after_step(6) == Member::Next::kGo);
  CHECK(chair.member.after_step(7) == Member::Next::kWait);
  v1::CoordinatorMessage result;
  result.mutable_gather_result()->set_key("stop:1");
  for (const char* value : {"9", "7"})
    result.mutable_gather_result()->add_entries()->set_value(value);
  CHECK(chair.say(result).gathers.empty());
  CHECK(chair.member.stop_step() == std::optional<std::uint64_t>(9));
  CHECK(chair.member.after_step(8) == Member::Next::kGo);
  CHECK(chair.member.after_step(9) == Member::Next::kStop);
}

// Mutation: in Member::tick, send no heartbeat.
// Mutation: in Member::tick, never give up a silent connection.
TEST_CASE("a member sends heartbeats, gives up a silent connection and finally the coordinator") {
  Chair chair;
  chair.join();
  CHECK(find(chair.pass(1000ms), v1::MemberMessage::kHeartbeat) != nullptr);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(chair.pass(1000ms).disconnect);
  CHECK(chair.pass(1100ms).disconnect);
  MemberStep last;
  for (int i = 0; i < 1200 && !last.failed; ++i) last = chair.pass(500ms);
  REQUIRE(last.failed);
  CHECK(last.failed->code() == Code::kUnavailable);
  CHECK(last.failed->message().find("out of reach for 600") != std::string::npos);
}

// Mutation: in Member::tick, leave out the deadline of joining.
TEST_CASE("a member that cannot join in time says what it waited for") {
  Chair chair;
  chair.handle(Disconnected{chair.connection, "Connection refused"});
  const MemberStep step = chair.pass(61s);
  REQUIRE(step.failed);
  CHECK(step.failed->message().find(
            "within 60 s: the coordinator does not answer (Connection refused)") !=
        std::string::npos);
}

// Mutation: in Member::receive, ignore an Abort.
TEST_CASE("an abort ends the session with its reason") {
  Chair chair;
  chair.join();
  v1::CoordinatorMessage message;
  message.mutable_abort()->set_code(static_cast<std::uint32_t>(Code::kUnavailable));
  message.mutable_abort()->set_why("island ada is lost");
  const MemberStep step = chair.say(message);
  REQUIRE(step.failed);
  CHECK(step.failed->code() == Code::kUnavailable);
  CHECK(step.failed->message() == "island ada is lost");
  CHECK(chair.launch().failed);
}

// Mutation: in Member::welcome, do not repeat the leave.
TEST_CASE("a leave is repeated until the goodbye comes") {
  Chair chair;
  chair.join();
  CHECK(find(chair.handle(LeaveCalled{"done"}), v1::MemberMessage::kLeave) != nullptr);
  chair.handle(Disconnected{chair.connection, "reset"});
  chair.pass(60ms);
  CHECK(find(chair.welcome(), v1::MemberMessage::kLeave) != nullptr);
  v1::CoordinatorMessage goodbye;
  goodbye.mutable_goodbye();
  CHECK(chair.say(goodbye).gone);
}

// Mutations: in Member::close leave out `listens_ &&`; in try_settle leave out heard_.
TEST_CASE("a member takes part in rounds of others only once it listens, and in each once") {
  Chair chair;
  chair.join();
  CHECK(chair.say(chair.close(1, 1, false)).exchanges.empty());
  chair.handle(ListenCalled{});
  CHECK(chair.say(chair.close(1, 1, false)).exchanges.size() == 1);
  CHECK(votes(chair.handle(ExchangeDone{kRound, {1, 1}, hash_of("a")})) == 0);
  CHECK(chair.say(chair.outcome(1, 1, hash_of("a"))).outcomes.size() == 1);
  CHECK(chair.say(chair.close(1, 1, false)).exchanges.empty());
}

// Mutation: in Member::connect name the rounds that were not announced too.
TEST_CASE("a member that listens does not announce others' rounds when it reconnects") {
  Chair chair;
  chair.join();
  chair.handle(ListenCalled{});
  chair.say(chair.close(1, 1, false));
  chair.handle(Disconnected{chair.connection, "reset"});
  const MemberStep again = chair.pass(5s);
  const v1::MemberMessage* hello = find(again, v1::MemberMessage::kHello);
  REQUIRE(hello != nullptr);
  CHECK(hello->hello().open().empty());
}

// Mutation: in Member::resend, leave out the probes; in tell_probes, leave out the age.
TEST_CASE("a member tells what it has measured of its links, and again after a reconnect") {
  Chair chair;
  const auto probed = [](const MemberStep& step) -> const v1::Probed* {
    for (const auto& message : step.messages)
      if (message.has_probed()) return &message.probed();
    return nullptr;
  };
  chair.join();
  const LinkProbe first{{0, 100, 0}, 1000, 0.5, 0.02}, second{{2, 102, 0}, 0, 0, 0.03};
  const MemberStep told = chair.handle(LinkProbed{first});
  REQUIRE(probed(told) != nullptr);
  REQUIRE(probed(told)->links_size() == 1);
  CHECK(probed(told)->links(0).bytes() == 1000);
  CHECK(probed(told)->links(0).age_s() == 0);
  chair.handle(Disconnected{chair.connection, "reset"});
  CHECK(probed(chair.handle(LinkProbed{second})) == nullptr);
  chair.pass(2s);
  const MemberStep again = chair.welcome(2);
  REQUIRE(probed(again) != nullptr);
  REQUIRE(probed(again)->links_size() == 2);
  CHECK(probed(again)->links(0).age_s() == Approx(2));
  CHECK(probed(again)->links(1).round_trip_s() == 0.03);
}
