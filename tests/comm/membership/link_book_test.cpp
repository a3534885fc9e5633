#include <outrigger/comm/membership/link_book.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::link_book_test {
namespace {

constexpr double kFast = 1e8, kSlow = 1e7;
constexpr PlannedBytes kSame{1e8, 1e8};
constexpr TimePoint kNow{};

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

// Pairs of four islands by their rates, the same both ways.
using Pairs = std::map<std::pair<std::uint32_t, std::uint32_t>, double>;
double rate_of(const Pairs& pairs, std::uint32_t a, std::uint32_t b) {
  const auto found = pairs.find(std::minmax(a, b));
  return found == pairs.end() ? kFast : found->second;
}
LinkProbe probe_of(std::uint32_t from, double rate, double round_trip_s = 0.02) {
  const double bytes = RateProbe::kLargest;
  return {{from, 100 + from, 0}, RateProbe::kLargest, bytes / rate, round_trip_s};
}
LinkBook probed_book(const Pairs& pairs) {
  LinkBook book(4);
  for (std::uint32_t to = 0; to < 4; ++to)
    for (std::uint32_t from = 0; from < 4; ++from)
      book.probed(to, probe_of(from, rate_of(pairs, from, to)), kNow);
  return book;
}

v1::MemberMessage probed_message(const Pairs& pairs, std::uint32_t island) {
  v1::MemberMessage message;
  for (std::uint32_t from = 0; from < 4; ++from)
    if (from != island)
      *message.mutable_probed()->add_links() =
          to_wire(probe_of(from, rate_of(pairs, from, island)));
  return message;
}

std::vector<std::uint32_t> owners(const v1::Close& close) {
  std::vector<std::uint32_t> islands;
  for (const auto& owner : close.owners()) islands.push_back(owner.island());
  return islands;
}

using Order = std::vector<std::uint32_t>;
const Order kRoster = {0, 1, 2, 3};

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
  book.measured(0, samples(0), kNow);
  book.measured(1, samples(1), kNow);
  CHECK(book.shares(kIslands, kSame).empty());
  book.measured(2, samples(2), kNow);
  const auto shares = book.shares(kIslands, kSame);
  REQUIRE(shares.size() == 3);
  CHECK(shares[0] == shares[1]);
  CHECK(shares[2] < shares[0] / 4);
  const std::vector<std::uint32_t> equal = {1, 0};
  CHECK(book.shares(equal, kSame).empty());
  CHECK(book.shares(kIslands, {1e5, 1e5}).empty());  // 0.01 s
}

// Mutation: in LinkBook::measured, take what is no number; in its sum, keep the first for ever.
TEST_CASE("links: nonsense is left out, and a link that has become fast is believed") {
  LinkBook book(3);
  for (const std::uint32_t island : kIslands) book.measured(island, samples(island), kNow);
  const auto before = book.shares(kIslands, kSame);
  const MemberId peer{1, 101, 0}, stranger{7, 1, 0};
  book.measured(
      0,
      std::vector<LinkUse>{
          {peer, 1000, std::nan("")}, {peer, 1000, -1.0}, {peer, 0, 1.0}, {stranger, 1000, 1.0}},
      kNow);
  book.measured(9, samples(0), kNow);
  CHECK(book.shares(kIslands, kSame) == before);
  for (int round = 0; round < 10; ++round)
    for (const std::uint32_t island : kIslands)
      for (LinkUse link : samples(island)) {
        link.bytes = static_cast<std::uint64_t>(kFast);
        book.measured(island, {&link, 1}, kNow);
      }
  CHECK(book.shares(kIslands, kSame).empty());
}

// Mutation: in RoundBook::try_close, leave out follow_links; in RoundBook::vote, measure every
// vote, also a repeated one; in replay, plan anew.
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
    v1::MemberMessage again = vote_of(desk, 0, round);
    for (auto& link : *again.mutable_vote()->mutable_links()) link.set_bytes(1);
    desk.say(0, vote_of(desk, 0, round));
    desk.say(0, again);
    for (const std::uint32_t island : {1, 2}) desk.say(island, vote_of(desk, island, round));
    for (const LinkFigures& link : desk.coordinator().links(desk.now()))
      CHECK(link.bytes_per_s >= kSlow);
    REQUIRE(desk.outcome(0)->version().number() == number + 1);
    if (!measured) continue;
    desk.restart();  // knows nothing of links; the third round is planned equal
    for (const std::uint32_t island : kIslands) desk.rejoin(island);
  }
}

// Mutation: in LinkBook::capacities, add the probes up as rounds are; in shares, prefer them to
// rounds.
TEST_CASE("links: probes plan shares from the first round, until rounds have measured all") {
  LinkBook book(3);
  for (const std::uint32_t to : kIslands)
    for (const std::uint32_t from : kIslands)
      book.probed(to, probe_of(from, from == 2 || to == 2 ? 0.8 * kFast : kFast), kNow);
  const auto shares = book.shares(kIslands, kSame);
  REQUIRE(shares.size() == 3);
  // Each island's link is as fast as its best pair.
  const std::vector<double> right = {kFast, kFast, 0.8 * kFast};
  CHECK(shares == plan_shares({right, right, {}, {}}, kSame));
  CHECK(shares[2] > 0);
  for (const std::uint32_t island : kIslands)
    for (LinkUse link : samples(island)) {
      link.bytes = static_cast<std::uint64_t>(kFast);
      book.measured(island, {&link, 1}, kNow);
    }
  CHECK(book.shares(kIslands, kSame).empty());
}

// Mutation: in LinkBook::shares, take any known probe.
TEST_CASE("links: a probe that gave up early plans no shares, as it is a lower bound") {
  LinkBook book(3);
  LinkProbe early = probe_of(2, kSlow);
  early.bytes /= 4;
  for (const std::uint32_t to : kIslands)
    for (const std::uint32_t from : kIslands)
      book.probed(to, probe_of(from, from == 2 || to == 2 ? kSlow : kFast), kNow);
  CHECK_FALSE(book.shares(kIslands, kSame).empty());
  book.probed(0, early, kNow);
  CHECK(book.shares(kIslands, kSame).empty());
}

// Mutation: in LinkBook::probed, leave out kShortestAnswer_s, or kLargest.
TEST_CASE("links: nobody's probe is faster than any link") {
  LinkBook book(2);
  book.probed(0, {{1, 101, 0}, std::uint64_t{1} << 60, 0, 0}, kNow);
  CHECK(book.figures(kNow).empty());
  book.probed(0, {{1, 101, 0}, RateProbe::kLargest, 0, 0}, kNow);
  REQUIRE(book.figures(kNow).size() == 1);
  CHECK(book.figures(kNow)[0].bytes_per_s < 5e9);
}

// Mutation: in LinkBook::ring (hub), leave out worth_changing; in worth_changing, leave out the
// 0.1 s; in LinkBook::pairs, go on without a rate.
TEST_CASE("links: a ring avoids the slow link, but changes for no less than a tenth") {
  const LinkBook book = probed_book({{{0, 1}, kSlow}});
  const Order around = book.ring(kRoster, kSame);
  CHECK(around == Order{0, 2, 1, 3});
  CHECK(book.ring(around, kSame) == around);
  CHECK(book.ring({0, 3, 1, 2}, kSame) == Order{0, 3, 1, 2});  // as good
  CHECK(book.ring(kRoster, {1e5, 1e5}) == kRoster);
  CHECK(probed_book({{{0, 1}, 0.95 * kFast}}).ring(kRoster, kSame) == kRoster);
  LinkBook partly(4);
  for (std::uint32_t to = 0; to < 3; ++to)
    for (std::uint32_t from = 0; from < 4; ++from)
      partly.probed(to, probe_of(from, rate_of({{{0, 1}, kSlow}}, from, to)), kNow);
  CHECK(partly.ring(kRoster, kSame) == kRoster);  // nobody knows what comes to the last
}

// Mutation: in LinkBook::hub, return planned itself for islands[planned].
TEST_CASE(
    "links: the hub is an island with a good link, and stays while none is better by a tenth") {
  const double slow = kSlow;
  const LinkBook book =
      probed_book({{{0, 1}, slow}, {{0, 2}, slow}, {{0, 3}, slow}, {{1, 2}, slow}, {{1, 3}, slow}});
  CHECK(book.hub(kRoster, 0, kSame) == 2);
  CHECK(book.hub(kRoster, 3, kSame) == 3);
  CHECK(book.hub(kRoster, 0, {1e4, 1e4}) == 0);
  const Order others = {0, 1, 3};
  CHECK(book.hub(others, 2, kSame) == 2);  // not among them: nothing is said
  CHECK(book.hub(others, 0, kSame) == 0);
}

// Mutation: in LinkBook::hub, take the rounds where they are known; leave out `known`.
TEST_CASE(
    "links: the hub stays on equal links, whatever its rounds say, and while one is unknown") {
  LinkBook book = probed_book({});
  for (std::uint32_t from = 1; from < 4; ++from) {
    const LinkUse use{{from, 100 + from, 0}, static_cast<std::uint64_t>(kFast / 4), 1};
    book.measured(0, {&use, 1}, kNow);
  }
  CHECK(book.hub(kRoster, 0, kSame) == 0);
  // Of the last only the link to and from island 1 is known, and it is the fastest.
  LinkBook cut_off(4);
  for (std::uint32_t to = 0; to < 4; ++to)
    for (std::uint32_t from = 0; from < 4; ++from) {
      const bool last = from == 3 || to == 3;
      if (!last) cut_off.probed(to, probe_of(from, kSlow), kNow);
      if (last && from + to == 4) cut_off.probed(to, probe_of(from, kFast), kNow);
    }
  CHECK(cut_off.hub(kRoster, 0, kSame) == 0);
}

// Mutation: in LinkBook::probed, take any of them; in LinkBook::figures, prefer the probe.
TEST_CASE("links: figures say where they are from and how old, and nonsense is left out") {
  LinkBook book(3);
  const auto at = kNow + std::chrono::seconds(10);
  const MemberId self{1, 101, 0}, stranger{3, 1, 0}, peer{0, 100, 0};
  for (const LinkProbe& wrong : std::vector<LinkProbe>{{self, 1000, 1, 1},
                                                       {stranger, 1000, 1, 1},
                                                       {peer, 1000, std::nan(""), -1},
                                                       {peer, 1000, -1, std::nan("")},
                                                       {peer, 0, 1, 0},
                                                       {peer, 0, 1, 1e9},
                                                       {peer, 1000, INFINITY, INFINITY}})
    book.probed(1, wrong, kNow);
  book.probed(3, {peer, 1000, 1, 1}, kNow);
  CHECK(book.figures(at).empty());

  book.probed(1, {peer, 500, 2, 0.04}, kNow);
  auto figures = book.figures(at);
  REQUIRE(figures.size() == 2);
  CHECK((figures[0].from == 0 && figures[0].to == 1));
  CHECK(figures[0].bytes_per_s == 250);
  CHECK_FALSE(figures[0].from_round);
  CHECK(figures[0].rate_age_s == 10);
  CHECK(figures[1].bytes_per_s == 0);
  CHECK(figures[1].round_trip_s == 0.04);
  CHECK(figures[1].round_trip_age_s == 10);
  const LinkUse use{peer, 3000, 1};
  book.measured(1, {&use, 1}, at);
  figures = book.figures(at);
  CHECK(figures[0].bytes_per_s == 3000);
  CHECK(figures[0].from_round);
  CHECK(figures[0].rate_age_s == 0);
}

// Mutation: in RoundBook::replay, do not take the order over; in follow_order, sort by island.
TEST_CASE("links: a ring's order is in the close, its retries and the journal, and survives") {
  const Pairs pairs = {{{0, 1}, kSlow}};
  CoordinatorConfig config = make_config(4);
  config.planned = {1, 1};
  config.link_plan = LinkPlan::kRing;
  Desk desk(config);
  desk.join_all();
  const auto close_round = [&](std::uint64_t number) {
    for (const std::uint32_t island : kRoster) desk.announce(island, {0, number});
    REQUIRE(desk.close(0)->round().number() == number);
    CHECK(desk.journal().back().closed().SerializeAsString() == desk.close(0)->SerializeAsString());
    for (std::size_t k = 0; k < 4; ++k)
      CHECK(desk.close(3)->contributors(static_cast<int>(k)).member().island() == k);
    return owners(*desk.close(3));
  };
  const auto commit = [&](std::uint64_t number) {
    for (const std::uint32_t island : kRoster) desk.vote(island, {0, number}, hash_of("r"));
    REQUIRE(desk.outcome(0)->version().number() == number + 1);
  };
  CHECK(close_round(0) == kRoster);  // not known yet
  commit(0);
  for (const std::uint32_t island : kRoster) desk.say(island, probed_message(pairs, island));
  const Order around = {0, 2, 1, 3};
  CHECK(close_round(1) == around);
  desk.fail_exchange(1, {0, 1}, 2);
  CHECK(desk.close(0)->attempt().number() == 2);
  CHECK(owners(*desk.close(0)) == around);
  desk.restart();
  const v1::Announce held = desk.announcement({0, 1});
  desk.forget();
  for (const std::uint32_t island : kRoster) desk.rejoin(island, {held});
  CHECK(owners(*desk.close(3)) == around);
  commit(1);
  CHECK(close_round(2) == around);  // the new coordinator knows no links, but the journal
  commit(2);

  // Left out: the others keep their order.
  for (const std::uint32_t island : kRoster) desk.announce(island, {0, 3}, island != 2);
  CHECK(owners(*desk.close(0)) == Order{0, 1, 3});
  // A new life begins in the order of islands.
  desk.config().new_life = true;
  desk.restart();
  desk.forget();
  desk.join_all();
  CHECK(close_round(0) == kRoster);
}

// Mutation: in RoundBook::follow_links, plan an order for each fragment's own bytes.
TEST_CASE("links: a ring's order is that of the largest fragment for all of them") {
  CoordinatorConfig config = make_config(4);
  config.fragments = 2;
  config.planned = {1, 1};
  config.link_plan = LinkPlan::kRing;
  Desk desk(config);
  desk.join_all();
  // By bytes, 0 and 1 are best apart; by round trips, side by side.
  for (const std::uint32_t island : kRoster) {
    v1::MemberMessage message = probed_message({{{0, 1}, kSlow}}, island);
    for (auto& link : *message.mutable_probed()->mutable_links())
      if ((link.peer().island() + island) % 2 == 0) link.set_round_trip_s(0.2);
    desk.say(island, message);
  }
  for (const std::uint32_t fragment : {0, 1}) {
    for (const std::uint32_t island : kRoster) {
      v1::MemberMessage message;
      *message.mutable_announce() = desk.announcement({fragment, 0});
      message.mutable_announce()->set_bytes(fragment == 0 ? 100'000'000 : 10'000);
      desk.say(island, message);
    }
    REQUIRE(desk.close(0)->round().fragment() == fragment);
    CHECK(owners(*desk.close(0)) == Order{0, 2, 1, 3});
  }
}

// Mutation: in follow_order, leave out the rotation; in follow_links, return for kHub.
TEST_CASE("links: a star's close has its hub first, the others as they are") {
  const double slow = kSlow;
  const Pairs pairs = {
      {{0, 1}, slow}, {{0, 2}, slow}, {{0, 3}, slow}, {{1, 2}, slow}, {{1, 3}, slow}};
  for (const LinkPlan plan : {LinkPlan::kHub, LinkPlan::kNothing}) {
    CoordinatorConfig config = make_config(4);
    config.planned = {1, 1};
    config.link_plan = plan;
    Desk desk(config);
    desk.join_all();
    for (const std::uint32_t island : kRoster) desk.say(island, probed_message(pairs, island));
    for (const std::uint32_t island : kRoster) desk.announce(island, {0, 0});
    CHECK(owners(*desk.close(0)) == (plan == LinkPlan::kHub ? Order{2, 0, 1, 3} : kRoster));
    CHECK(desk.close(0)->shares().empty());
  }
}

// Mutation: in RoundBook::probed, leave out the check of the age; in Coordinator::receive, believe
// the message's own name.
TEST_CASE("links: a member tells of its own links only, and not from before the world") {
  Desk desk(make_config(4));
  desk.join_all();
  const auto known = [&] { return desk.coordinator().links(desk.now()).size(); };
  for (const double age : {-1.0, std::nan(""), 1e300}) {
    v1::MemberMessage message = probed_message({}, 1);
    for (auto& link : *message.mutable_probed()->mutable_links()) link.set_age_s(age);
    desk.say(1, message);
  }
  CHECK(known() == 0);
  v1::MemberMessage stolen = probed_message({}, 1);
  stolen.set_job("quick");
  stolen.set_term(1);
  *stolen.mutable_from() = to_wire(desk.member(2));
  desk.say_raw(2, stolen);  // bob's connection, cy's name
  CHECK(desk.refusal(1).find("measured links came from island 2") != std::string::npos);
  CHECK(known() == 0);
  v1::MemberMessage message = probed_message({}, 1);
  message.mutable_probed()->mutable_links(0)->set_age_s(7);
  desk.say(1, message);
  CHECK(known() == 6);  // three links to it, and the round trips back
  CHECK(desk.coordinator().links(desk.now())[0].rate_age_s == 7);
}

}  // namespace outrigger::link_book_test
