#include <outrigger/comm/membership/link_book.h>

#include <cmath>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::link_book_test {
namespace {

constexpr double kFast = 1e8, kSlow = 1e7;
constexpr PlannedBytes kSame{1, 1};

// What `island` of three has measured; island 2's link is slow both ways.
std::vector<LinkUse> samples(std::uint32_t island, double seconds = 1) {
  std::vector<LinkUse> links;
  for (std::uint32_t from = 0; from < 3; ++from) {
    if (from == island) continue;
    const double rate = from == 2 || island == 2 ? kSlow : kFast;
    links.push_back({{from, 100 + from, 0}, static_cast<std::uint64_t>(rate * seconds), seconds});
  }
  return links;
}

const std::vector<std::uint32_t> kIslands = {0, 1, 2};

v1::MemberMessage vote_of(Desk& desk, std::uint32_t island, RoundId round) {
  v1::MemberMessage message;
  v1::Vote* vote = message.mutable_vote();
  *vote->mutable_round() = to_wire(round);
  *vote->mutable_attempt() = desk.close(island)->attempt();
  vote->set_result_hash(hash_of("result").bytes());
  for (const LinkUse& link : samples(island)) *vote->add_links() = to_wire(link);
  return message;
}

}  // namespace

// Mutation: in LinkBook::shares, leave out the return where a link is unknown; take rows for
// columns; leave out kNoticeable_s.
TEST_CASE("links: shares are equal until all links are known, then spare the slow island") {
  LinkBook book(3);
  CHECK(book.shares(kIslands, kSame).empty());
  book.measured(0, samples(0));
  book.measured(1, samples(1));
  CHECK(book.shares(kIslands, kSame).empty());
  book.measured(2, samples(2));
  const auto shares = book.shares(kIslands, kSame);
  REQUIRE(shares.size() == 3);
  CHECK(shares[0] == shares[1]);
  CHECK(shares[2] < shares[0] / 4);
  const std::vector<std::uint32_t> equal = {1, 0};
  CHECK(book.shares(equal, kSame).empty());
  LinkBook quick(3);
  for (const std::uint32_t island : kIslands) quick.measured(island, samples(island, 0.01));
  CHECK(quick.shares(kIslands, kSame).empty());
}

// Mutation: in LinkBook::measured, take what is no number; in its sum, keep the first for ever.
TEST_CASE("links: nonsense is left out, and a link that has become fast is believed") {
  LinkBook book(3);
  for (const std::uint32_t island : kIslands) book.measured(island, samples(island));
  const auto before = book.shares(kIslands, kSame);
  const MemberId peer{1, 101, 0}, stranger{7, 1, 0};
  book.measured(
      0,
      std::vector<LinkUse>{
          {peer, 1000, std::nan("")}, {peer, 1000, -1.0}, {peer, 0, 1.0}, {stranger, 1000, 1.0}});
  book.measured(9, samples(0));
  CHECK(book.shares(kIslands, kSame) == before);
  for (int round = 0; round < 10; ++round)
    for (const std::uint32_t island : kIslands)
      for (LinkUse link : samples(island)) {
        link.bytes = static_cast<std::uint64_t>(kFast);
        book.measured(island, {&link, 1});
      }
  CHECK(book.shares(kIslands, kSame).empty());
}

// Mutation: in RoundBook::try_close, leave out plan_shares_of; in RoundBook::vote, measure every
// vote, also a repeated one (nothing fails: the average stays); in replay, plan anew.
TEST_CASE("links: a close has shares once the votes have measured the links, until a restart") {
  CoordinatorConfig config = make_config(3);
  config.planned = kSame;
  Desk desk(config);
  desk.join_all();
  for (std::uint64_t number = 0; number < 3; ++number) {
    const RoundId round{0, number};
    for (const std::uint32_t island : kIslands) desk.announce(island, round);
    REQUIRE(from_wire(desk.close(0)->round()) == round);
    CHECK(desk.close(0)->owners_size() == 3);
    const bool measured = number == 1;
    CHECK(desk.close(0)->shares_size() == (measured ? 3 : 0));
    if (measured) CHECK(desk.journal().back().closed().shares_size() == 3);
    for (const std::uint32_t island : kIslands) desk.say(island, vote_of(desk, island, round));
    REQUIRE(desk.outcome(0)->version().number() == number + 1);
    if (!measured) continue;
    desk.restart();  // knows nothing of links; the third round is planned equal
    for (const std::uint32_t island : kIslands) desk.rejoin(island);
  }
}

}  // namespace outrigger::link_book_test
