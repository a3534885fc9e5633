#include <outrigger/framework/bench/start_line.h>

#include "framework/bench/meet.h"
#include "support/catch.h"

namespace outrigger {
namespace start_line_test {

using Json = nlohmann::ordered_json;

Result<Json> work_longer_than(double least) {
  const TimePoint begin = Clock::now();
  double took = 0;
  while (took <= least) took = seconds(Clock::now() - begin);
  return Json{{"least", least}, {"took", took}};
}

}  // namespace start_line_test
using namespace start_line_test;

// Mutation: run() takes this member's own end, or the first's, for the lap's.
TEST_CASE("start line: a lap is one for all members, from the common start to the last end") {
  std::vector<Lap> laps(3);
  const auto ended = test::meet(3, [&](Meeting& meeting) {
    Result<StartLine> line = StartLine::draw(meeting);
    if (!line.ok()) return line.status();
    Result<Lap> lap = line->run([&] { return work_longer_than(meeting.member() * 0.005); });
    if (lap.ok()) laps[meeting.member()] = std::move(*lap);
    return lap.status();
  });
  for (const Status& status : ended) CHECK(status.ok());
  for (const Lap& lap : laps) {
    CHECK(lap.seconds > 0);
    CHECK(lap.seconds == laps[0].seconds);
    CHECK(lap.cpu_seconds == laps[0].cpu_seconds);
    REQUIRE(lap.said.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(lap.said[k]["least"] == k * 0.005);
      CHECK(lap.seconds >= lap.said[k]["took"].get<double>());
    }
  }
}

// Mutation: run() goes on with what failed.
TEST_CASE("start line: work that fails ends the lap with its own reason") {
  const auto ended = test::meet(2, [&](Meeting& meeting) {
    Result<StartLine> line = StartLine::draw(meeting);
    if (!line.ok()) return line.status();
    return line
        ->run([&]() -> Result<Json> {
          if (meeting.member() == 1) return Status(Code::kCorruption, "it broke");
          return Json::object();
        })
        .status();
  });
  CHECK(ended[1].message() == "it broke");
  CHECK(ended[0].message().find("member 1: ") == 0);
}

}  // namespace outrigger
