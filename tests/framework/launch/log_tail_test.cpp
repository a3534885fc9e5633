#include <outrigger/framework/launch/log_tail.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;

// Mutation: last_lines() keeps the first lines.
TEST_CASE("the last lines of a log come in order, an unfinished one too") {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("log", "one\ntwo\nthree\nfour");
  CHECK(last_lines(path, 3) == std::vector<std::string>{"two", "three", "four"});
  CHECK(last_lines(path, 9).size() == 4);
  CHECK(last_lines(folder.write("empty", ""), 3).empty());
  CHECK(last_lines(folder.path("missing"), 3).empty());
}

// Mutation: last_lines() does not cut its lines.
TEST_CASE("a huge log costs little, and its text cannot steer a terminal") {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("log", std::string(1'000'000, 'x') + "\n\x1b[2Jend\n");
  const auto lines = last_lines(path, 5);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == std::string(300, 'x'));
  CHECK(lines[1] == "?[2Jend");
}
