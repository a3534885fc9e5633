#include <outrigger/comm/membership/median.h>
#include <outrigger/comm/membership/probe.h>

#include <set>

#include "support/catch.h"

using namespace outrigger;

namespace outrigger::probe_test {
namespace {

// What an answer of so many bytes takes over a link.
double answer_s(double bytes_per_s, double round_trip_s, std::size_t bytes) {
  return round_trip_s + static_cast<double>(bytes) / bytes_per_s;
}

LinkProbe measure(double bytes_per_s, double round_trip_s, double& held_s) {
  RateProbe rate(round_trip_s);
  held_s = 0;
  for (auto bytes = rate.next(); bytes; bytes = rate.next()) {
    rate.came(answer_s(bytes_per_s, round_trip_s, *bytes));
    held_s += answer_s(bytes_per_s, round_trip_s, *bytes);
  }
  LinkProbe probe;
  rate.tell(probe);
  return probe;
}

double rate_of(const LinkProbe& probe) {
  return static_cast<double>(probe.bytes) / probe.busy_s;
}

}  // namespace

// Mutation: in probe_partner, 2 * partner -> partner; in probe_slots, leave out members % 2.
TEST_CASE("probe: in a tournament every pair meets once, and nobody meets two in one slot") {
  for (std::size_t members = 0; members <= 9; ++members) {
    std::set<std::pair<std::size_t, std::size_t>> met;
    for (std::size_t slot = 0; slot < probe_slots(members); ++slot)
      for (std::size_t self = 0; self < members; ++self) {
        const auto partner = probe_partner(members, self, slot);
        if (!partner) {
          CHECK(members % 2 == 1);
          continue;
        }
        CHECK(*partner != self);
        CHECK(probe_partner(members, *partner, slot) == self);
        if (self < *partner) CHECK(met.insert({self, *partner}).second);
      }
    CAPTURE(members);
    CHECK(met.size() == (members == 0 ? 0 : members * (members - 1) / 2));
  }
}

// Mutation: in RateProbe::came, leave out the round trip; in next(), leave out kLongest_s
// (kLargest).
TEST_CASE("probe: a slow link is not held for long, and a fast one's rate is told from its delay") {
  double held_s = 0;
  const LinkProbe slow = measure(1.25e6, 0.05, held_s);  // 10 Mbit/s
  CHECK(rate_of(slow) == Approx(1.25e6));
  CHECK(slow.bytes == 4 * RateProbe::kSmallest);
  CHECK(held_s < 0.5);
  const LinkProbe fast = measure(1.25e8, 0.08, held_s);
  CHECK(rate_of(fast) == Approx(1.25e8));
  CHECK(fast.bytes == RateProbe::kLargest);
  const LinkProbe crawling = measure(1e4, 0.5, held_s);
  CHECK(crawling.bytes == RateProbe::kSmallest);
  CHECK(rate_of(crawling) == Approx(1e4));
}

// Mutation: in RateProbe::came, kLeastPart -> 0; in median_of, return the first.
TEST_CASE("probe: a round trip that was slower than the answer makes no rate without end") {
  RateProbe rate(1.0);
  rate.came(0.008);
  LinkProbe probe;
  rate.tell(probe);
  CHECK(probe.busy_s == Approx(0.001));
  CHECK(median_of<double>({}) == 0);
  CHECK(median_of<double>({5, 1, 2, 9, 3}) == 3);
}

}  // namespace outrigger::probe_test
