#include <outrigger/framework/cli/checkup.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: divide by 1000.
TEST_CASE("doctor tells sizes in binary units") {
  CHECK(size_text(0) == "0.0 MiB");
  CHECK(size_text(1.5 * 1024 * 1024) == "1.5 MiB");
  CHECK(size_text(3.0 * 1024 * 1024 * 1024) == "3.0 GiB");
}

// Mutation: look at the folder itself instead of its nearest parent that exists.
TEST_CASE("doctor looks for room where the run folders would go") {
  const auto disk = [](const std::string& folder) {
    for (const Finding& finding : check_machine(folder)) {
      if (finding.name == "disk") return finding;
    }
    return Finding{};
  };
  CHECK(disk("/tmp/not/there/yet").found.find("free where runs go (/tmp)") != std::string::npos);
  CHECK(disk("/proc/1/nowhere").state == Finding::State::kMissing);
}
