#include <outrigger/comm/collective/gossip.h>

#include <algorithm>
#include <set>

#include "support/catch.h"

using namespace outrigger;

// Mutations: in gossip_group leave out the sorting (the members of a group differ in its order);
// let the last group end at 2 * group + 2.
TEST_CASE(
    "gossip: every round cuts the members into pairs, an odd one makes three, and all agree") {
  for (const std::size_t members : {1, 2, 3, 4, 5, 8, 11}) {
    CAPTURE(members);
    std::set<std::vector<std::size_t>> seen;
    for (std::uint64_t number = 0; number < 40; ++number) {
      std::vector<int> counted(members, 0);
      for (std::size_t member = 0; member < members; ++member) {
        const auto group = gossip_group({0, number}, members, member);
        CHECK(std::is_sorted(group.begin(), group.end()));
        CHECK(std::find(group.begin(), group.end(), member) != group.end());
        CHECK(group.size() <= 3);
        CHECK((group.size() == 2 || members % 2 == 1));
        for (const std::size_t other : group) {
          CHECK(gossip_group({0, number}, members, other) == group);
          ++counted[other];
        }
        seen.insert(group);
      }
      for (std::size_t member = 0; member < members; ++member)
        CHECK(static_cast<std::size_t>(counted[member]) ==
              gossip_group({0, number}, members, member).size());
    }
    if (members == 4) CHECK(seen.size() == 6);  // each pair meets
  }
}

// Mutation: seed with the round's number alone.
TEST_CASE("gossip: fragments of one round are cut apart") {
  int equal = 0;
  for (std::uint64_t number = 0; number < 50; ++number)
    equal += gossip_group({0, number}, 6, 0) == gossip_group({1, number}, 6, 0);
  CHECK(equal < 30);
}
