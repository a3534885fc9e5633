#include <outrigger/framework/launch/machine.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: in parse_cpuinfo, go on after the first processor.
TEST_CASE("x86's and Arm's cpuinfo are read, and an empty one") {
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

// Mutation: in limit_cores, round down.
TEST_CASE("a container's limit counts as whole cores") {
  CHECK(limit_cores(64, "200000 100000\n") == 2);
  CHECK(limit_cores(64, "250000 100000\n") == 3);
  CHECK(limit_cores(64, "10000 100000\n") == 1);
  CHECK(limit_cores(2, "400000 100000\n") == 2);
  for (const char* none : {"max 100000\n", "", "0 100000", "100000", "100000 0", "-1 100000"})
    CHECK(limit_cores(64, none) == 64);
}
