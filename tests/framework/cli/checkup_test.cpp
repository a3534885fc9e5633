#include <outrigger/framework/cli/checkup.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: take the last processor's model; look for flags as parts of words.
TEST_CASE("doctor reads x86's and Arm's cpuinfo and survives an empty one") {
  const Cpu x86 = parse_cpuinfo(
      "processor\t: 0\nmodel name\t: Some CPU @ 2GHz\nflags\t\t: fpu avx2 avx512_bf16\n\n"
      "processor\t: 1\nmodel name\t: Another\nflags\t\t: fpu sve\n");
  CHECK(x86.model == "Some CPU @ 2GHz");
  CHECK(x86.has("avx2"));
  CHECK(!x86.has("avx"));
  CHECK(!x86.has("sve"));
  const Cpu arm =
      parse_cpuinfo("processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16\nempty:\n");
  CHECK(arm.model == "unknown");
  CHECK(arm.has("bf16"));
  CHECK(parse_cpuinfo("").model == "unknown");
}

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
