#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;
using Body = v1::CoordinatorMessage;

namespace {

constexpr RoundId kFirst{0, 0};

void close_round(Desk& desk, RoundId round, std::size_t islands) {
  for (std::uint32_t island = 0; island < islands; ++island) desk.announce(island, round);
}

}  // namespace

// Mutation: in RoundBook::try_close, leave out the loop that returns when an announcement is
// missing.
TEST_CASE("a round closes when all have announced, in the order of islands, weighted by tokens") {
  Desk desk(make_config(3));
  desk.join_all();
  desk.announce(2, kFirst, true, 30);
  desk.announce(0, kFirst, true, 10);
  CHECK(desk.close(0) == nullptr);
  desk.announce(1, kFirst, true, 20);
  const v1::Close& close = *desk.close(1);
  REQUIRE(close.contributors_size() == 3);
  for (std::uint32_t island = 0; island < 3; ++island) {
    CHECK(from_wire(close.contributors(static_cast<int>(island)).member()) == desk.member(island));
    CHECK(close.contributors(static_cast<int>(island)).weight() == 10 * (island + 1));
    CHECK(from_wire(close.owners(static_cast<int>(island))) == desk.member(island));
  }
  CHECK(desk.journal().back().has_closed());
}

// Mutation: in RoundBook::fill_contributors, leave out the last line (weights of 1).
TEST_CASE("a round without tokens weighs all alike") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.announce(0, kFirst, true, 0);
  desk.announce(1, kFirst, true, 0);
  CHECK(desk.close(0)->contributors(0).weight() == 1);
  CHECK(desk.close(0)->contributors(1).weight() == 1);
}

// Mutation: in RoundBook::count_votes, commit at the first vote.
TEST_CASE("a round commits when every contributor has voted the same") {
  Desk desk(make_config(2));
  desk.join_all();
  close_round(desk, kFirst, 2);
  desk.vote(0, kFirst, hash_of("a"));
  CHECK(desk.outcome(0) == nullptr);
  desk.vote(1, kFirst, hash_of("a"));
  const v1::Outcome& outcome = *desk.outcome(0);
  CHECK(outcome.contributors_size() == 2);
  CHECK(from_wire(outcome.version()) == Version{0, 1, chain(Hash128{}, hash_of("a"))});
  CHECK(desk.journal().back().has_committed());
}

// Mutation: in RoundBook::count_votes, `if (sides.size() == 1)` -> `if (true)`.
TEST_CASE("unequal votes: one attempt more, then the job ends and names the members") {
  Desk desk(make_config(3));
  desk.join_all();
  close_round(desk, kFirst, 3);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    CHECK(desk.close(0)->attempt().number() == static_cast<std::uint64_t>(attempt));
    CHECK_FALSE(desk.finished());
    desk.vote(0, kFirst, hash_of("a"));
    desk.vote(1, kFirst, hash_of("b"));
    desk.vote(2, kFirst, hash_of("a"));
  }
  REQUIRE(desk.finished());
  CHECK(desk.finished()->code() == Code::kCorruption);
  CHECK(desk.why().find("island ada, island cy: ") != std::string::npos);
  CHECK(desk.why().find("island bob: ") != std::string::npos);
  CHECK(desk.outcome(0) == nullptr);
}

// Mutation: in RoundBook::vote, leave out the comparison of the attempts.
TEST_CASE("a vote for an older attempt does not count and is told why") {
  Desk desk(make_config(2));
  desk.join_all();
  close_round(desk, kFirst, 2);
  const AttemptId first = from_wire(desk.close(0)->attempt());
  desk.fail_exchange(0, kFirst, 1);
  desk.vote_on(0, kFirst, first, hash_of("a"));
  desk.vote_on(1, kFirst, first, hash_of("a"));
  CHECK(desk.outcome(0) == nullptr);
  CHECK(desk.refusal(1).find("is for term 1, attempt 1; only term 1, attempt 2 counts") !=
        std::string::npos);
}

// Mutation: in RoundBook::fill_contributors, treat every announcement as finite.
TEST_CASE("a contribution that is not finite is left out, and its member watches") {
  Desk desk(make_config(3));
  desk.join_all();
  desk.announce(0, kFirst);
  desk.announce(1, kFirst, false);
  desk.announce(2, kFirst);
  const v1::Close& close = *desk.close(1);
  REQUIRE(close.contributors_size() == 2);
  CHECK(from_wire(close.contributors(1).member()) == desk.member(2));
  REQUIRE(close.spectators_size() == 1);
  CHECK(from_wire(close.spectators(0)) == desk.member(1));
  desk.vote(1, kFirst, hash_of("x"));
  CHECK(desk.refusal(1).find("does not contribute") != std::string::npos);
  desk.vote(0, kFirst, hash_of("a"));
  desk.vote(2, kFirst, hash_of("a"));
  CHECK(desk.outcome(1)->contributors_size() == 2);
}

// Mutation: in RoundBook::fill_contributors, leave out the end when nobody contributes.
TEST_CASE("when no contribution is finite the job ends and says so") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.announce(0, kFirst, false);
  desk.announce(1, kFirst, false);
  CHECK(desk.why().find("no island has a finite pseudo-gradient") != std::string::npos);
  CHECK(desk.heard(0, Body::kAbort) != nullptr);
}

// Mutation: in RoundBook::exchange_failed, start no further attempt.
// Mutation: in RoundBook::blame, leave out the extra point for who did not wait itself.
TEST_CASE(
    "a failed exchange is tried once more, and the second failure ends the job and names the "
    "peer") {
  Desk desk(make_config(3));
  desk.join_all();
  close_round(desk, kFirst, 3);
  desk.fail_exchange(0, kFirst, 1);
  CHECK(desk.close(2)->attempt().number() == 2);
  desk.fail_exchange(0, kFirst, 1);
  desk.fail_exchange(1, kFirst, 2);
  CHECK_FALSE(desk.finished());
  desk.pass(6s);
  CHECK(desk.why().find("failed twice: island cy could not be reached") != std::string::npos);
  CHECK(from_wire(desk.heard(0, Body::kAbort)->abort().culprit()) == desk.member(2));
}

// Mutation: in RoundBook::try_close, leave out `id.number != committed`.
// Mutation: in RoundBook::commit, leave out the last call of try_close.
TEST_CASE("round n+1 closes only after round n has committed") {
  Desk desk(make_config(2));
  desk.join_all();
  const Version next{0, 1, chain(Hash128{}, hash_of("a"))};
  for (std::uint32_t island : {0u, 1u}) {
    v1::MemberMessage message;
    *message.mutable_announce() = desk.announcement({0, 1});
    *message.mutable_announce()->mutable_base() = to_wire(next);
    desk.say(island, message);
  }
  CHECK(desk.close(0) == nullptr);
  close_round(desk, kFirst, 2);
  CHECK(desk.close(0)->round().number() == 0);
  desk.vote(0, kFirst, hash_of("a"));
  desk.vote(1, kFirst, hash_of("a"));
  CHECK(desk.close(0)->round().number() == 1);
  CHECK(from_wire(desk.close(0)->base()) == next);
}

// Mutation: in RoundBook::try_close, leave out the check of the base.
TEST_CASE("a member that announces on another history ends the job and is named") {
  Desk desk(make_config(2));
  desk.join_all();
  v1::MemberMessage message;
  *message.mutable_announce() = desk.announcement(kFirst);
  *message.mutable_announce()->mutable_base() = to_wire(Version{0, 0, hash_of("mine")});
  desk.say(1, message);
  CHECK(desk.why().find("island bob announces round 0 of fragment 0 on version 0") !=
        std::string::npos);
}

// Mutation: key RoundBook::open_ by the number only (RoundId::operator<=> without the fragment).
TEST_CASE("rounds of two fragments are open at once and do not touch each other") {
  Desk desk(make_config(2, 2));
  desk.join_all();
  close_round(desk, {0, 0}, 2);
  close_round(desk, {1, 0}, 2);
  desk.vote(0, {0, 0}, hash_of("a"));
  desk.vote(0, {1, 0}, hash_of("b"));
  desk.vote(1, {1, 0}, hash_of("b"));
  CHECK(desk.outcome(0)->round().fragment() == 1);
  CHECK(desk.coordinator().committed(0).number == 0);
  desk.vote(1, {0, 0}, hash_of("a"));
  CHECK(desk.coordinator().committed(0) == Version{0, 1, chain(Hash128{}, hash_of("a"))});
  CHECK(desk.coordinator().committed(1) == Version{1, 1, chain(Hash128{}, hash_of("b"))});
}

// Mutation: in RoundBook::announce, answer nothing for a committed round.
// Mutation: in RoundBook::release, forget outcomes as soon as one member has applied.
TEST_CASE("who was away hears the outcome until everyone has applied it") {
  Desk desk(make_config(2));
  desk.join_all();
  const v1::Announce held = desk.announcement(kFirst);
  close_round(desk, kFirst, 2);
  desk.vote(0, kFirst, hash_of("a"));
  desk.vote(1, kFirst, hash_of("a"));
  const Version first = desk.coordinator().committed(0);
  desk.apply(0, first);
  CHECK(desk.count(0, Body::kRelease) == 0);
  desk.lose(1);
  desk.forget();
  desk.rejoin(1, {held});
  REQUIRE(desk.outcome(1) != nullptr);
  CHECK(desk.outcome(1)->result_hash() == hash_of("a").bytes());
  desk.apply(1, first);
  CHECK(desk.count(0, Body::kRelease) == 1);
}

// Mutation: in RoundBook::rejoined, leave out the close.
TEST_CASE("who was away hears the close as it stands now") {
  Desk desk(make_config(2));
  desk.join_all();
  const v1::Announce held = desk.announcement(kFirst);
  close_round(desk, kFirst, 2);
  desk.lose(1);
  desk.fail_exchange(0, kFirst, 1);
  desk.forget();
  desk.rejoin(1, {held});
  REQUIRE(desk.close(1) != nullptr);
  CHECK(desk.close(1)->attempt().number() == 2);
}

// Mutation: in RoundBook::applied, leave out the comparison of the chains.
TEST_CASE("a member that applied what was never committed ends the job and is named") {
  Desk desk(make_config(2));
  desk.join_all();
  close_round(desk, kFirst, 2);
  desk.vote(0, kFirst, hash_of("a"));
  desk.vote(1, kFirst, hash_of("a"));
  desk.apply(0, {0, 1, hash_of("other")});
  CHECK(desk.why().find("island ada has applied version 1 of fragment 0") != std::string::npos);
}

// Mutation: in RoundBook::check_applied, compare the numbers only.
TEST_CASE("members that bring different versions are refused") {
  Desk desk(make_config(3));
  v1::MemberMessage hello = desk.hello(0);
  *hello.mutable_hello()->mutable_applied(0) = to_wire(Version{0, 4, hash_of("four")});
  desk.connect(0, hello);
  CHECK(desk.count(0, Body::kWelcome) == 1);
  desk.connect(1, desk.hello(1));
  CHECK(desk.refusal(1).find("stands at version 0") != std::string::npos);
  v1::MemberMessage strayed = desk.hello(2);
  *strayed.mutable_hello()->mutable_applied(0) = to_wire(Version{0, 4, hash_of("another four")});
  desk.connect(2, strayed);
  CHECK(desk.refusal(2).find("stands at version 4") != std::string::npos);
  CHECK(desk.coordinator().committed(0) == Version{0, 4, hash_of("four")});
}
