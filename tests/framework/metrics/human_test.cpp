#include <outrigger/framework/metrics/human.h>

#include <cmath>

#include "support/catch.h"

using namespace outrigger;

// Mutation: human_bytes() divides by 1024.
TEST_CASE("numbers are written for people") {
  CHECK(human_number(2.3141) == "2.314");
  CHECK(human_number(123.456) == "123.46");
  CHECK(human_number(1.2e-5) == "1.2e-05");
  CHECK(human_number(0) == "0.000");
  CHECK(human_number(NAN) == "-");
  CHECK(human_number(-INFINITY) == "-inf");
  CHECK(human_count(870) == "870");
  CHECK(human_count(8912) == "8.9k");
  CHECK(human_count(123'400) == "123k");
  CHECK(human_count(1.2e6) == "1.20M");
  CHECK(human_count(NAN) == "-");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(14'200'000) == "14.2 MB");
  CHECK(human_bytes(999'999) == "1.0 MB");
  CHECK(human_seconds(0.0124) == "12ms");
  CHECK(human_seconds(3.14) == "3.1s");
}

// Mutation: human_eta() takes the minutes of a long time without % 60.
TEST_CASE("a time to wait has two units at most") {
  CHECK(human_eta(45) == "45s");
  CHECK(human_eta(125) == "2m05s");
  CHECK(human_eta(3 * 3600 + 7 * 60 + 1) == "3h07m");
  CHECK(human_eta(2 * 86400 + 4 * 3600) == "2d04h");
  CHECK(human_eta(NAN) == "-");
  CHECK(human_eta(-1) == "-");
}

// Mutation: printable() lets 0x1b through.
TEST_CASE("foreign text cannot steer a terminal") {
  CHECK(printable("a\x1b[2Jb\rc\x7f") == "a?[2Jb?c?");
  CHECK(printable("Grüße\n\tdu") == "Grüße\n\tdu");
}
