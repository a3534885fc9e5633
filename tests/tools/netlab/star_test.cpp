#include "netlab/star.h"

#include <set>
#include <tuple>

#include "support/catch.h"

namespace outrigger::netlab::star_test {

using std::chrono::milliseconds;

struct Arrival {
  std::size_t host;
  std::size_t size;  // which packet it is
  Instant at;
  friend bool operator==(const Arrival& a, const Arrival& b) {
    return std::tie(a.host, a.size, a.at) == std::tie(b.host, b.size, b.at);
  }
};

Packet packet(std::uint32_t destination, std::size_t size, std::uint64_t wire_bytes = 1000) {
  return {{}, size, destination, wire_bytes};
}

std::vector<Arrival> run_to_the_end(Star& star) {
  std::vector<Arrival> arrivals;
  while (const auto next = star.next())
    star.advance(*next, [&](std::size_t host, Packet arrived) {
      arrivals.push_back({host, arrived.size, *next});
    });
  return arrivals;
}

const LinkShape kSlow{.bytes_per_second = 1e6, .delay = milliseconds(20), .queue_bytes = 1 << 20};
const LinkShape kNear{.bytes_per_second = 1e6, .delay = milliseconds(5), .queue_bytes = 1 << 20};

// Mutation: in advance send over up_ instead of down_.
TEST_CASE("a packet takes its sender's link and then its receiver's") {
  Star star({{1, kSlow}, {2, kNear}}, 1);
  star.take(0, packet(2, 7), milliseconds(0));
  CHECK(run_to_the_end(star) == std::vector<Arrival>{{1, 7, milliseconds(21 + 6)}});
  CHECK(star.up(0).packets == 1);
  CHECK(star.down(1).packets == 1);
  CHECK(star.up(1).packets == 0);
}

// Mutation: in advance send at `now` instead of the entry's own time.
TEST_CASE("a late call delays nothing on the second link") {
  Star star({{1, kSlow}, {2, kSlow}}, 1);
  star.take(0, packet(2, 7), milliseconds(0));
  std::vector<std::size_t> arrived;
  star.advance(milliseconds(30), [&](std::size_t, Packet) { arrived.push_back(0); });
  CHECK(arrived.empty());
  CHECK(star.next() == Instant(milliseconds(42)));
}

// Mutation: in next take *router alone; or the longest way in place of the shortest.
TEST_CASE("a look is due before a packet can arrive, and not when it comes to the router") {
  Star star({{1, kSlow}, {2, kNear}, {3, kSlow}}, 1);
  star.take(0, packet(2, 7), milliseconds(0));
  CHECK(star.next() == Instant(milliseconds(21 + 5)));
  star.advance(milliseconds(26), [](std::size_t, Packet) { FAIL("it is still on the line"); });
  CHECK(star.next() == Instant(milliseconds(21 + 6)));
}

// Mutation: in advance deliver what is due before what comes to the router is looked at.
TEST_CASE("one late call hands out in the order of arrival") {
  Star star({{1, kSlow}, {2, kNear}, {3, kNear}}, 1);
  star.take(0, packet(2, 7), milliseconds(0));
  star.take(2, packet(2, 8), milliseconds(0));
  std::vector<std::size_t> sizes;
  star.advance(milliseconds(8), [](std::size_t, Packet) {});
  star.take(2, packet(2, 9), milliseconds(8));
  star.take(2, packet(1, 10), milliseconds(8));
  star.advance(milliseconds(99), [&](std::size_t, Packet p) { sizes.push_back(p.size); });
  CHECK(sizes == std::vector<std::size_t>{8, 9, 7, 10});
}

// Mutation: one line for all hosts in place of one each.
TEST_CASE("hosts share the receiver's line and not each other's") {
  Star star({{1, kNear}, {2, kNear}, {3, kNear}}, 1);
  star.take(0, packet(3, 7), milliseconds(0));
  star.take(1, packet(3, 8), milliseconds(0));
  star.take(2, packet(1, 9), milliseconds(0));
  CHECK(run_to_the_end(star) == std::vector<Arrival>{{2, 7, milliseconds(12)},
                                                     {0, 9, milliseconds(12)},
                                                     {2, 8, milliseconds(13)}});
}

// Mutation: in `later` leave out the number.
TEST_CASE("packets that arrive in one moment keep their order") {
  Star star({{1, {}}, {2, {}}}, 1);
  std::vector<Arrival> sent;
  for (std::size_t i = 0; i < 100; ++i) {
    star.take(0, packet(2, i), milliseconds(3));
    sent.push_back({1, i, milliseconds(3)});
  }
  CHECK(run_to_the_end(star) == sent);
}

// Mutation: in take use host_of_[...], which makes it host 0's.
TEST_CASE("a packet to nobody is dropped") {
  Star star({{1, kNear}, {2, kNear}}, 1);
  star.take(0, packet(3, 7), milliseconds(0));
  CHECK_FALSE(star.next());
}

// Mutation: give all links up, all links down, or both links of a host the same seed.
TEST_CASE("links draw their own chances") {
  const LinkShape shaky{.delay = milliseconds(20), .jitter = milliseconds(5)};
  const auto took = [&](std::size_t from, std::uint32_t to) {
    Star star({{1, shaky}, {2, shaky}, {3, {}}}, 1);
    star.take(from, packet(to, 7), milliseconds(0));
    return run_to_the_end(star).at(0).at;
  };
  const std::set<Instant> times{took(0, 3), took(1, 3), took(2, 1), took(2, 2)};
  CHECK(times.size() == 4);
}

}  // namespace outrigger::netlab::star_test
