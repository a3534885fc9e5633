#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using Body = v1::CoordinatorMessage;

// Mutation: in GatherBook::try_finish, leave out the loop that waits for all.
TEST_CASE("a gather shows all values to all, in the order of islands, once the last has come") {
  Desk desk(make_config(3));
  desk.join_all();
  desk.gather(2, "loss", "c");
  desk.gather(0, "loss", "a");
  desk.gather(0, "other", "x");
  CHECK(desk.count(0, Body::kGatherResult) == 0);
  desk.gather(1, "loss", "b");
  for (std::uint32_t island = 0; island < 3; ++island) {
    const v1::GatherResult& result = desk.heard(island, Body::kGatherResult)->gather_result();
    CHECK(result.key() == "loss");
    REQUIRE(result.entries_size() == 3);
    CHECK(result.entries(0).value() + result.entries(1).value() + result.entries(2).value() ==
          "abc");
  }
  CHECK(desk.journal().back().has_gathered());
}

// Mutation: in GatherBook::add, do not look among the results.
TEST_CASE("a member that was away hears the result when it asks again, also after a restart") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.gather(0, "loss", "a");
  desk.lose(0);
  desk.gather(1, "loss", "b");
  desk.restart();
  desk.rejoin(0);
  desk.gather(0, "loss", "a");
  REQUIRE(desk.heard(0, Body::kGatherResult) != nullptr);
  CHECK(desk.heard(0, Body::kGatherResult)->gather_result().entries(1).value() == "b");
}

// Mutation: in GatherBook::add, leave out the bound on the value's size.
TEST_CASE("a gather that is too large is refused") {
  Desk desk(make_config(1));
  desk.join_all();
  desk.gather(0, "big", std::string(kMaxGatherBytes + 1, 'x'));
  CHECK(desk.refusal(0).find("65537 bytes") != std::string::npos);
  CHECK(desk.count(0, Body::kGatherResult) == 0);
  desk.gather(0, "fits", std::string(kMaxGatherBytes, 'x'));
  CHECK(desk.count(0, Body::kGatherResult) == 1);
}

// Mutation: in GatherBook::stop, leave out `if (stop_why_) return;`.
TEST_CASE("a request to stop asks every member once, and again who reconnects") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage stop;
  stop.mutable_stop_request()->set_why("SIGTERM");
  desk.say(1, stop);
  desk.say(0, stop);
  CHECK(desk.count(0, Body::kStopQuery) == 1);
  CHECK(desk.count(1, Body::kStopQuery) == 1);
  CHECK(desk.heard(0, Body::kStopQuery)->stop_query().why().find("island bob asks: SIGTERM") !=
        std::string::npos);
  desk.lose(0);
  desk.rejoin(0);
  CHECK(desk.count(0, Body::kStopQuery) == 2);
}

// Mutation: in GatherBook::add, leave out the call of stop() for an answer to a stop.
TEST_CASE("a restarted coordinator takes up an agreement to stop from its first answer") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage stop;
  stop.mutable_stop_request()->set_why("SIGTERM");
  desk.say(0, stop);
  const std::string key = desk.heard(0, Body::kStopQuery)->stop_query().key();
  desk.restart();
  desk.forget();
  desk.rejoin(0);
  desk.rejoin(1);
  desk.gather(0, key, "7");
  CHECK(desk.count(1, Body::kStopQuery) == 1);
  desk.gather(1, key, "9");
  CHECK(desk.count(0, Body::kGatherResult) == 1);
}

// Mutation: in GatherBook::left, do nothing.
TEST_CASE("an agreement to stop does not wait for a member that left") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage stop;
  stop.mutable_stop_request()->set_why("SIGTERM");
  desk.say(0, stop);
  desk.gather(0, desk.heard(0, Body::kStopQuery)->stop_query().key(), "7");
  desk.leave(1);
  CHECK(desk.count(0, Body::kGatherResult) == 1);
  CHECK_FALSE(desk.finished());
}

// Mutation: in Coordinator::tick leave out gathers_.tick.
TEST_CASE("a gather that one member never joins, heartbeats and all, ends the job with its name") {
  CoordinatorConfig config = make_config(2);
  Desk desk(config);
  desk.join_all();
  desk.gather(0, "checkpoint:10", "a");
  desk.pass(config.timeout_max / 2);
  CHECK(desk.heard(0, Body::kAbort) == nullptr);
  desk.pass(config.timeout_max);
  REQUIRE(desk.heard(0, Body::kAbort) != nullptr);
  const v1::Abort& abort = desk.heard(0, Body::kAbort)->abort();
  CHECK(abort.why().find("checkpoint:10") != std::string::npos);
  CHECK(abort.culprit().island() == 1);
}
