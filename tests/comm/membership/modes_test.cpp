// The coordinator's modes beside the common rounds: asynchronous, replicas that differ, weights by
// norms.
#include <cmath>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;
using Body = v1::CoordinatorMessage;

namespace {

CoordinatorConfig asynchronous(std::size_t islands) {
  CoordinatorConfig config = make_config(islands, static_cast<std::uint32_t>(islands));
  config.asynchronous = true;
  return config;
}

// Island `island` sends its round `number` and votes for it.
void arrive(Desk& desk, std::uint32_t island, std::uint64_t number, const std::string& result) {
  const RoundId round{island, number};
  v1::MemberMessage message;
  *message.mutable_announce() = desk.announcement(round);
  if (number > 0) *message.mutable_announce()->mutable_base() = desk.outcome(island)->version();
  desk.say(island, message);
  desk.vote(island, round, hash_of(result));
}

}  // namespace

// Mutations: in RoundBook::awaits return true; in fill_contributors take every member.
TEST_CASE("an asynchronous round closes at once, of one island, with all others as spectators") {
  Desk desk(asynchronous(3));
  desk.join_all();
  desk.announce(1, {1, 0});
  const v1::Close* close = desk.close(2);
  REQUIRE(close != nullptr);
  REQUIRE(close->contributors_size() == 1);
  CHECK(from_wire(close->contributors(0).member()) == desk.member(1));
  REQUIRE(close->spectators_size() == 2);
  CHECK(from_wire(close->spectators(0)) == desk.member(0));
  CHECK(from_wire(close->spectators(1)) == desk.member(2));
  CHECK(desk.outcome(0) == nullptr);
  desk.vote(1, {1, 0}, hash_of("a"));
  for (const std::uint32_t island : {0u, 1u, 2u}) {
    REQUIRE(desk.outcome(island) != nullptr);
    CHECK(from_wire(desk.outcome(island)->round()) == RoundId{1, 0});
  }
}

// Mutation: in RoundBook::announce leave out the check of the island.
TEST_CASE("an asynchronous island cannot announce another's round") {
  Desk desk(asynchronous(2));
  desk.join_all();
  desk.announce(0, {1, 0});
  CHECK(desk.refusal(0).find("asynchronous rounds of fragment 1") != std::string::npos);
  CHECK(desk.close(0) == nullptr);
}

// Mutations: in commit leave out set_sequence; in apply_commit leave next_sequence_ alone (a
// restart begins anew).
TEST_CASE("asynchronous commits are numbered in one order, also over a restart") {
  Desk desk(asynchronous(3));
  desk.join_all();
  arrive(desk, 2, 0, "a");
  CHECK(desk.outcome(0)->sequence() == 0);
  arrive(desk, 0, 0, "b");
  CHECK(desk.outcome(1)->sequence() == 1);
  desk.restart();
  for (std::uint32_t island = 0; island < 3; ++island) desk.rejoin(island);
  arrive(desk, 1, 0, "c");
  CHECK(desk.outcome(2)->sequence() == 2);
}

// Mutations: in RoundBook::catch_up leave out the closes; leave out the outcomes.
TEST_CASE("an asynchronous island that was away is told the closes and outcomes of the others") {
  Desk desk(asynchronous(2));
  desk.join_all();
  desk.lose(1);
  arrive(desk, 0, 0, "a");
  desk.apply(0, from_wire(desk.outcome(0)->version()));
  v1::MemberMessage second;
  *second.mutable_announce() = desk.announcement({0, 1});
  *second.mutable_announce()->mutable_base() = desk.outcome(0)->version();
  desk.say(0, second);
  desk.forget();
  desk.rejoin(1);
  REQUIRE(desk.outcome(1) != nullptr);
  CHECK(from_wire(desk.outcome(1)->round()) == RoundId{0, 0});
  REQUIRE(desk.close(1) != nullptr);
  CHECK(from_wire(desk.close(1)->round()) == RoundId{0, 1});
}

// Mutation: in count_votes leave out the case of replicas_differ_.
TEST_CASE("where replicas differ unequal results commit, and the chain counts the rounds") {
  CoordinatorConfig config = make_config(2);
  config.replicas_differ = true;
  Desk desk(config);
  desk.join_all();
  for (const std::uint32_t island : {0u, 1u}) desk.announce(island, {0, 0});
  desk.vote(0, {0, 0}, hash_of("a"));
  CHECK(desk.outcome(0) == nullptr);
  desk.vote(1, {0, 0}, hash_of("b"));
  REQUIRE(desk.outcome(0) != nullptr);
  CHECK(desk.outcome(0)->replicas_differ());
  CHECK(from_wire(desk.outcome(0)->version()) == Version{0, 1, chain(Hash128{}, Hash128{})});
  CHECK_FALSE(desk.finished());
}

// Mutation: in fill_contributors leave out the norms, or give round_weights kTokens.
TEST_CASE("norms travel from the announcement to the close and the outcome, and may weigh") {
  CoordinatorConfig config = make_config(2);
  config.weights = WeightRule::kSoftmaxNorms;
  Desk desk(config);
  desk.join_all();
  for (const std::uint32_t island : {0u, 1u}) {
    v1::MemberMessage message;
    *message.mutable_announce() = desk.announcement({0, 0});
    message.mutable_announce()->clear_norms();
    message.mutable_announce()->add_norms(1.0 + island);
    message.mutable_announce()->add_norms(0.5);
    desk.say(island, message);
  }
  REQUIRE(desk.close(0) != nullptr);
  CHECK(desk.close(0)->contributors(1).norms(0) == 2.0);
  CHECK(desk.close(0)->contributors(1).norms(1) == 0.5);
  CHECK(desk.close(0)->contributors(0).weight() == std::uint64_t{1} << 32);
  CHECK(static_cast<double>(desk.close(0)->contributors(1).weight()) ==
        Approx(std::ldexp(std::exp(-1.0), 32)));
  for (const std::uint32_t island : {0u, 1u}) desk.vote(island, {0, 0}, hash_of("a"));
  CHECK(desk.outcome(1)->contributors(0).norms(0) == 1.0);
}
