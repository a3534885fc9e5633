#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include <outrigger/optim/sync/timetable.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in Timetable::launched drop the `+ 1` of `reached`.
TEST_CASE("blocking DiLoCo launches and applies at every H-th step") {
  const Timetable timetable(50, 1, 0);
  CHECK(timetable.at(0).launches.empty());
  CHECK(timetable.at(49).launches.empty());
  CHECK(timetable.at(50).launches == std::vector<std::uint32_t>{0});
  CHECK(timetable.at(50).applies == std::vector<std::uint32_t>{0});
  CHECK(timetable.at(51).applies.empty());
  CHECK(timetable.at(150).launches == std::vector<std::uint32_t>{0});
}

// Mutation: in Timetable::launched use `fragment * every_ / fragments_` as the offset.
TEST_CASE("any H, P and tau: every fragment once a cycle, applied tau after its launch") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    const std::uint64_t every = 1 + random() % 40;
    const std::uint32_t fragments = 1 + random() % std::min<std::uint64_t>(every, 6);
    const std::uint64_t delay = random() % (every + 1);
    CAPTURE(every, fragments, delay);
    const Timetable timetable(every, fragments, delay);
    std::map<std::uint32_t, std::deque<std::uint64_t>> open;  // steps of launches not applied yet
    std::map<std::uint32_t, int> applied;
    bool as_specified = true;
    for (std::uint64_t step = 1; step <= 6 * every; ++step) {
      const Boundary boundary = timetable.at(step);
      for (const std::uint32_t fragment : boundary.launches) open[fragment].push_back(step);
      for (const std::uint32_t fragment : boundary.applies) {
        as_specified &= !open[fragment].empty() && open[fragment].front() + delay == step;
        if (as_specified) open[fragment].pop_front();
        const std::uint64_t offset = (fragment + 1) * every / fragments;
        as_specified &= step % every == offset % every;
        ++applied[fragment];
      }
      for (const auto& [fragment, launches] : open) as_specified &= launches.size() <= 2;
    }
    CHECK(as_specified);
    for (std::uint32_t p = 0; p < fragments; ++p) CHECK((applied[p] == 5 || applied[p] == 6));
  }
}

// Mutation: in Timetable::launched use `(fragment + 1) * (every_ / fragments_)` as the offset.
TEST_CASE("any H and P: the applies of a cycle are spread as evenly as whole steps allow") {
  std::mt19937 random(11);
  for (int trial = 0; trial < 300; ++trial) {
    const std::uint64_t every = 1 + random() % 60;
    const std::uint32_t fragments = 1 + random() % std::min<std::uint64_t>(every, 9);
    const std::uint64_t delay = random() % (every + 1);
    CAPTURE(every, fragments, delay);
    const Timetable timetable(every, fragments, delay);
    std::vector<std::uint64_t> steps;
    for (std::uint64_t step = 2 * every + 1; step <= 4 * every; ++step) {
      const Boundary boundary = timetable.at(step);
      CHECK(boundary.applies.size() <= 1);
      CHECK(boundary.launches.size() <= 1);
      if (!boundary.applies.empty()) steps.push_back(step);
    }
    REQUIRE(steps.size() == 2 * fragments);
    for (std::size_t k = 1; k < steps.size(); ++k) {
      CHECK(steps[k] - steps[k - 1] >= every / fragments);
      CHECK(steps[k] - steps[k - 1] <= (every + fragments - 1) / fragments);
    }
  }
}

}  // namespace
}  // namespace outrigger
