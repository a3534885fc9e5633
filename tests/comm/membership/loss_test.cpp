#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using Body = v1::CoordinatorMessage;
using namespace std::chrono_literals;

// Mutation: in Coordinator::tick, leave out the loop over the seats.
TEST_CASE(
    "a broken connection that does not come back ends the job: who, when, and the system's error") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.pass(10s);
  desk.lose(1, "Connection reset by peer");
  desk.pass(4900ms);
  CHECK_FALSE(desk.finished());
  desk.pass(200ms);
  REQUIRE(desk.finished());
  CHECK(desk.finished()->code() == Code::kUnavailable);
  CHECK(desk.why().find(
            "island bob is lost: its connection to the coordinator broke (Connection reset by "
            "peer). The coordinator noticed; its last message came 5 s ago") != std::string::npos);
  CHECK(from_wire(desk.heard(0, Body::kAbort)->abort().culprit()) == desk.member(1));
  const auto& journal = desk.journal();
  CHECK(journal[journal.size() - 2].evicted().member().island() == 1);
  CHECK(journal.back().finished().culprit().island() == 1);
}

// Mutation: in Coordinator::connect, leave out `seat.connection = connection`.
TEST_CASE("a broken connection that comes back within timeout_min is forgiven") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.lose(1);
  desk.pass(4900ms);
  desk.rejoin(1);
  desk.pass(60s);
  CHECK_FALSE(desk.finished());
}

// Mutation: in Coordinator::lost, `away_until = now + 2 s`.
// Mutation: in RoundBook::exchange_failed, `blame_at = now + 2 s`.
TEST_CASE("no island is given up before timeout_min, however long that is") {
  CoordinatorConfig config = make_config(2);
  config.timeout_min = 60s;
  Desk desk(config);
  desk.join_all();
  const bool exchange = GENERATE(false, true);
  if (exchange) {
    desk.announce(0, {0, 0});
    desk.announce(1, {0, 0});
    for (int attempt = 0; attempt < 2; ++attempt) desk.fail_exchange(0, {0, 0}, 1);
  } else {
    desk.lose(1);
  }
  desk.pass(59s);
  CHECK_FALSE(desk.finished());
  desk.pass(2s);
  REQUIRE(desk.finished());
  CHECK(from_wire(desk.heard(0, Body::kAbort)->abort().culprit()) == desk.member(1));
}

// Mutation: in Coordinator::tick, leave out the check of silence.
TEST_CASE("a connected member that is silent for timeout_min ends the job and is named") {
  Desk desk(make_config(1));
  desk.join_all();
  desk.pass_silently(4900ms);
  CHECK_FALSE(desk.finished());
  desk.pass_silently(200ms);
  CHECK(desk.why().find("island ada is lost: it is connected but silent") != std::string::npos);
}

// Mutation: in Coordinator::tick, leave out the check of missing islands.
TEST_CASE("an island that never joins ends the job after timeout_max and is named") {
  Desk desk(make_config(3));
  desk.join(0);
  desk.join(2);
  desk.pass(std::chrono::minutes(10) - 1s);
  CHECK_FALSE(desk.finished());
  desk.pass(2s);
  CHECK(desk.why().find("island bob did not join within 600 s") != std::string::npos);
}

// Mutation: in Coordinator::start, `away_until = now + timeout_min` -> `now`.
TEST_CASE("a restarted coordinator gives members up after a full time-out, not before") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.pass(1s);
  desk.restart();
  desk.rejoin(0);
  desk.pass(4900ms);
  CHECK_FALSE(desk.finished());
  desk.pass(200ms);
  CHECK(desk.why().find(
            "island bob is lost: it has not come back since the coordinator was restarted") !=
        std::string::npos);
}

// Mutation: in Coordinator::hello, let a newer incarnation take the seat of a complete job.
TEST_CASE("an island whose process was started anew ends a running job") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage hello = desk.hello(1);
  hello.mutable_from()->set_incarnation(500);
  desk.connect(1, hello);
  CHECK(desk.why().find("island bob is lost: its process was started anew as incarnation 500") !=
        std::string::npos);
  CHECK(desk.refusal(1).find("resume from the last checkpoint") != std::string::npos);
}

// Mutation: in RoundBook::tick, leave out the announcements' deadline.
TEST_CASE("a member that trains on but never announces ends the round's wait and is named") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.announce(0, {0, 0});
  desk.pass(std::chrono::minutes(10) - 1s);
  CHECK_FALSE(desk.finished());
  desk.pass(2s);
  CHECK(desk.finished()->code() == Code::kDeadlineExceeded);
  CHECK(desk.why().find("round 0 of fragment 0 has waited 600 s for island bob") !=
        std::string::npos);
}

// Mutation: in RoundBook::commit, leave out `exchange_.measured`.
TEST_CASE("the exchange's time-out follows what was measured") {
  Desk desk(make_config(2));
  desk.join_all();
  for (std::uint64_t number = 0; number < 4; ++number) {
    const RoundId round{0, number};
    desk.announce(0, round);
    desk.announce(1, round);
    CHECK(desk.close(0)->timeout_ms() == (number < 3 ? 600000u : 30000u));
    if (number == 3) break;
    desk.pass(100ms);
    desk.vote(0, round, hash_of("a"));
    desk.vote(1, round, hash_of("a"));
    desk.apply(0, desk.coordinator().committed(0));
    desk.apply(1, desk.coordinator().committed(0));
  }
  desk.vote(1, {0, 3}, hash_of("a"));
  desk.pass(36s);
  CHECK(desk.why().find("has waited 35 s for island ada") != std::string::npos);
}

// Mutation: in Coordinator::hello, leave out the refusal after the end.
TEST_CASE("who comes after the end hears why the job ended") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.lose(1);
  desk.pass(6s);
  REQUIRE(desk.finished());
  desk.rejoin(1);
  CHECK(desk.refusal(1).find("island bob is lost") != std::string::npos);
}
