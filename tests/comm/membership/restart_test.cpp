#include <map>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;
using Body = v1::CoordinatorMessage;

namespace {

// Brings a round to its commit from wherever the coordinator stands, as members do after a
// reconnect.
void finish_round(Desk& desk, RoundId round, const std::string& result) {
  if (desk.coordinator().committed(round.fragment).number > round.number) return;
  for (std::uint32_t island : {0u, 1u}) desk.announce(island, round);
  for (std::uint32_t island : {0u, 1u}) desk.vote(island, round, hash_of(result));
}

}  // namespace

// Mutation: in RoundBook::replay, leave out the closed records (the committed ones).
TEST_CASE("restarted at any record, the coordinator finishes with the same members and versions") {
  Desk whole(make_config(2, 2));
  whole.join_all();
  for (std::uint64_t number = 0; number < 2; ++number) {
    for (std::uint32_t fragment : {0u, 1u}) finish_round(whole, {fragment, number}, "r");
  }
  const std::vector<v1::Record> journal = whole.journal();
  const Version expected[] = {whole.coordinator().committed(0), whole.coordinator().committed(1)};
  REQUIRE(expected[0].number == 2);

  for (std::size_t kept = 0; kept <= journal.size(); ++kept) {
    INFO("records kept: " << kept);
    Desk desk(make_config(2, 2));
    desk.journal().assign(journal.begin(), journal.begin() + static_cast<std::ptrdiff_t>(kept));
    std::map<RoundId, AttemptId> closed;
    for (const v1::Record& record : desk.journal()) {
      if (record.has_closed())
        closed[from_wire(record.closed().round())] = from_wire(record.closed().attempt());
      if (record.has_committed()) closed.erase(from_wire(record.committed().round()));
    }
    desk.restart();
    for (std::uint32_t island : {0u, 1u}) {
      std::vector<v1::Announce> open;
      for (const auto& [round, attempt] : closed) open.push_back(desk.announcement(round));
      v1::MemberMessage hello = desk.hello(island);
      for (const v1::Announce& announce : open) *hello.mutable_hello()->add_open() = announce;
      desk.connect(island, hello);
      v1::MemberMessage ready;
      ready.mutable_ready();
      desk.say(island, ready);
    }
    CHECK(desk.coordinator().term() == (kept == 0 ? 1 : 2));
    for (const auto& [round, attempt] : closed) {
      REQUIRE(desk.close(1) != nullptr);
      CHECK(from_wire(desk.close(1)->attempt()) == attempt);  // a journaled close stands
    }
    for (std::uint64_t number = 0; number < 2; ++number) {
      for (std::uint32_t fragment : {0u, 1u}) finish_round(desk, {fragment, number}, "r");
    }
    CHECK_FALSE(desk.finished());
    CHECK(desk.coordinator().committed(0) == expected[0]);
    CHECK(desk.coordinator().committed(1) == expected[1]);
  }
}

// Mutation: Coordinator::Coordinator keeps the journal's term (leave out ++term_).
TEST_CASE("each start of the coordinator is a new term, journaled first") {
  Desk desk(make_config(2));
  CHECK(desk.journal().front().term_started().term() == 1);
  desk.restart();
  desk.restart();
  CHECK(desk.journal().back().term_started().term() == 3);
}

// Mutation: in RoundBook::replay, keep one vote in the closed round.
TEST_CASE("votes of an earlier term are asked for again") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.announce(0, {0, 0});
  desk.announce(1, {0, 0});
  const v1::Announce held = desk.announcement({0, 0});
  desk.vote(0, {0, 0}, hash_of("a"));
  desk.restart();
  desk.rejoin(0, {held});
  desk.rejoin(1, {held});
  desk.vote(1, {0, 0}, hash_of("a"));
  CHECK(desk.outcome(0) == nullptr);
  desk.vote(0, {0, 0}, hash_of("a"));
  CHECK(desk.outcome(0) != nullptr);
}

// Mutation: in RoundBook::retry, count attempts from the term's start (set_number(1)).
TEST_CASE("attempt numbers of a round go on across terms and lives") {
  Desk desk(make_config(2));
  desk.join_all();
  desk.announce(0, {0, 0});
  desk.announce(1, {0, 0});
  const v1::Announce held = desk.announcement({0, 0});
  desk.restart();
  desk.rejoin(0, {held});
  desk.rejoin(1, {held});
  desk.fail_exchange(0, {0, 0}, 1);
  CHECK(from_wire(desk.close(0)->attempt()) == AttemptId{2, 2});
  desk.config().new_life = true;
  desk.restart();
  desk.forget();
  desk.join_all();
  desk.announce(0, {0, 0});
  desk.announce(1, {0, 0});
  CHECK(from_wire(desk.close(0)->attempt()) == AttemptId{3, 3});
}

// Mutation: in Coordinator::start, do not replay the new life's first record.
TEST_CASE("a new life on an old journal starts from what the members bring") {
  Desk desk(make_config(2));
  desk.join_all();
  finish_round(desk, {0, 0}, "a");
  finish_round(desk, {0, 1}, "b");
  const Version checkpoint{0, 1, chain(Hash128{}, hash_of("a"))};
  desk.config().new_life = true;
  desk.restart();
  for (std::uint32_t island : {0u, 1u}) {
    v1::MemberMessage hello = desk.hello(island);
    hello.mutable_from()->set_incarnation(900 + island);
    *hello.mutable_hello()->mutable_applied(0) = to_wire(checkpoint);
    desk.forget();
    desk.connect(island, hello);
    CHECK(desk.count(island, Body::kWelcome) == 1);
  }
  CHECK(desk.coordinator().committed(0) == checkpoint);
}

// Mutation: in Coordinator::replay, ignore the finished record.
TEST_CASE("a journal whose job is over gives a finished coordinator") {
  Desk desk(make_config(1));
  desk.join_all();
  desk.lose(0);
  desk.pass(6s);
  desk.restart();
  REQUIRE(desk.finished());
  CHECK(desk.why().find("island ada is lost") != std::string::npos);
}
