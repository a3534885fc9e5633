#include <outrigger/framework/metrics/line_splitter.h>

#include <vector>

#include "support/catch.h"

using namespace outrigger;

namespace {

std::vector<std::string> feed(LineSplitter& splitter, std::string_view bytes) {
  std::vector<std::string> lines;
  splitter.feed(bytes, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

}  // namespace

// Mutation: feed() clears partial_ at its beginning.
TEST_CASE("lines come whole however the bytes are cut") {
  const std::string text = "one\ntwo\n\nthree\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    LineSplitter splitter(100);
    std::vector<std::string> lines = feed(splitter, std::string_view(text).substr(0, cut));
    for (auto& line : feed(splitter, std::string_view(text).substr(cut))) lines.push_back(line);
    CHECK(lines == std::vector<std::string>{"one", "two", "three"});
  }
}

// Mutation: append() compares without partial_.size().
TEST_CASE("a line that is too long is dropped whole, the next one is not") {
  LineSplitter splitter(5);
  CHECK(feed(splitter, "123").empty());
  CHECK(feed(splitter, "456").empty());
  CHECK(feed(splitter, "789\n12345\nrest") == std::vector<std::string>{"12345"});
  CHECK(splitter.dropped() == 1);
  CHECK(feed(splitter, "\n") == std::vector<std::string>{"rest"});
}
