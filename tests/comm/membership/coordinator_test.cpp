#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using Body = v1::CoordinatorMessage;

// Mutation: in Coordinator::ready, leave out `if (!all_ready()) return;`.
TEST_CASE("the roster goes out when the last island is ready") {
  Desk desk(make_config(2));
  desk.join(0);
  CHECK(desk.count(0, Body::kWelcome) == 1);
  CHECK(desk.count(0, Body::kRoster) == 0);
  desk.join(1);
  for (std::uint32_t island : {0u, 1u}) {
    const v1::Roster& roster = desk.heard(island, Body::kRoster)->roster();
    REQUIRE(roster.peers_size() == 2);
    CHECK(roster.peers(1).island() == "bob");
    CHECK(roster.peers(1).address() == "127.0.0.1:4001");
    CHECK(from_wire(roster.peers(0).member()) == desk.member(0));
  }
}

// Mutation: in Coordinator::check_hello, leave out the comparison of the recipes.
TEST_CASE("a member with another recipe is refused and shown the first differing line") {
  Desk desk(make_config(2));
  v1::MemberMessage hello = desk.hello(1);
  hello.mutable_hello()->set_recipe("seed: 17\nouter: {lr: 0.9}\n");
  desk.connect(1, hello);
  CHECK(desk.refusal(1).find(
            "line 2 is 'outer: {lr: 0.7}' at the coordinator and 'outer: {lr: 0.9}'") !=
        std::string::npos);
  CHECK(desk.heard(1, Body::kRefused)->refused().final());
  CHECK(desk.count(1, Body::kWelcome) == 0);
}

// Mutation: in Coordinator::check_hello, compare an empty recipe too.
TEST_CASE("a member without a recipe, a trainer of the user's own, is welcome") {
  Desk desk(make_config(2));
  v1::MemberMessage hello = desk.hello(1);
  hello.mutable_hello()->clear_recipe();
  desk.connect(1, hello);
  CHECK(desk.count(1, Body::kWelcome) == 1);
}

// Mutation: in Coordinator::check_hello, leave out the comparison of the numerics (of the
// protocols).
TEST_CASE("a member with other numerics or another protocol is refused") {
  Desk desk(make_config(2));
  v1::MemberMessage hello = desk.hello(0);
  hello.mutable_hello()->set_numerics("2: other");
  desk.connect(0, hello);
  CHECK(desk.refusal(0).find("numerics differ") != std::string::npos);
  hello = desk.hello(1);
  hello.mutable_hello()->set_protocol(kProtocolVersion + 1);
  desk.connect(1, hello);
  CHECK(desk.refusal(1).find("protocol 5, the coordinator 4") != std::string::npos);
}

// Mutation: in Coordinator::receive, leave out the check of the job.
TEST_CASE("a message of another job is refused") {
  Desk desk(make_config(2));
  v1::MemberMessage hello = desk.hello(0);
  hello.set_job("slow");
  desk.connect(0, hello);
  CHECK(desk.refusal(0).find("job 'quick', not of 'slow'") != std::string::npos);
  CHECK(desk.count(0, Body::kWelcome) == 0);
}

// Mutation: in Coordinator::hello, give an unknown island the first seat instead of refusing.
TEST_CASE("an island that the recipe does not name is refused") {
  Desk desk(make_config(2));
  v1::MemberMessage hello = desk.hello(0);
  hello.mutable_hello()->set_island("zoe");
  desk.connect(0, hello);
  CHECK(desk.refusal(0).find("no island 'zoe'") != std::string::npos);
}

// Mutation: in Coordinator::hello, leave out the refusal of a lower incarnation.
TEST_CASE("an older incarnation is refused, a newer one takes the seat while islands still join") {
  Desk desk(make_config(2));
  desk.join(0);
  v1::MemberMessage hello = desk.hello(0);
  hello.mutable_from()->set_incarnation(99);
  desk.connect(0, hello);
  CHECK(desk.refusal(0).find("this one is older") != std::string::npos);
  desk.forget();
  hello.mutable_from()->set_incarnation(200);
  desk.connect(0, hello);
  REQUIRE(desk.heard(0, Body::kWelcome) != nullptr);
  CHECK(desk.heard(0, Body::kWelcome)->welcome().you().incarnation() == 200);
  CHECK_FALSE(desk.finished());
}

// Mutation: in Coordinator::receive, leave out the comparison of the terms.
TEST_CASE("a message of an earlier term is refused and has no effect") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.restart();
  desk.rejoin(0);
  desk.rejoin(1);
  v1::MemberMessage stale;
  stale.set_job("quick");
  stale.set_term(1);
  *stale.mutable_from() = to_wire(desk.member(0));
  *stale.mutable_announce() = desk.announcement({0, 0});
  desk.say_raw(3, stale);  // island 0's connection since the restart
  CHECK(desk.refusal(0).find("is of term 1, the coordinator's is 2") != std::string::npos);
  desk.announce(1, {0, 0});
  CHECK(desk.close(0) == nullptr);
}

// Mutation: in Coordinator::receive, leave out the comparison of `from` with the seat.
TEST_CASE("a message in another member's name is refused") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage message;
  message.set_job("quick");
  message.set_term(1);
  *message.mutable_from() = to_wire(MemberId{0, 99, 0});
  *message.mutable_announce() = desk.announcement({0, 0});
  desk.say_raw(1, message);
  CHECK(desk.refusal(0).find(
            "island 0 (incarnation 99) on the connection of island 0 (incarnation 100)") !=
        std::string::npos);
}

// Mutation: in Coordinator::hello, take a Hello whose connection count is not higher.
TEST_CASE("a hello that was overtaken by a newer connection is ignored") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage late = desk.hello(0);
  late.mutable_hello()->set_connection(1);
  desk.rejoin(0);  // its second connection
  desk.say_raw(99, late);
  desk.forget();
  desk.announce(0, {0, 0});
  desk.announce(1, {0, 0});
  CHECK(desk.close(0) != nullptr);
}

// Mutation: in Coordinator::leave, end the job without looking whether all have left.
TEST_CASE("when all have left the job is done") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.leave(0);
  CHECK(desk.count(0, Body::kGoodbye) == 1);
  CHECK_FALSE(desk.finished());
  desk.leave(1);
  REQUIRE(desk.finished());
  CHECK(desk.finished()->ok());
}

// Mutation: in Coordinator::handle, leave out check_departures().
TEST_CASE("a round that needs a member that left ends the job and names it") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.leave(1);
  desk.announce(0, {0, 0});
  CHECK(desk.why().find("island bob has left the job (done), but round 0 of fragment 0 needs it") !=
        std::string::npos);
}

// Mutation: in Coordinator::hello, leave out the answer to a member that has left.
TEST_CASE("a member whose goodbye was lost hears it again") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.leave(0);
  desk.forget();
  desk.rejoin(0);
  CHECK(desk.count(0, Body::kGoodbye) == 1);
}
