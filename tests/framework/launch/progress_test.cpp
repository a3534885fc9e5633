#include <outrigger/framework/launch/progress.h>

#include <cmath>

#include "support/catch.h"

using namespace outrigger;
using namespace std::chrono_literals;

namespace {

const TimePoint kBegin{};

StepDone step(std::uint64_t number, double loss) {
  StepDone done;
  done.step = number;
  done.loss = loss;
  done.tokens_per_s = 4450;
  done.bytes_sent = 7'100'000;
  done.exposed_s = 1;
  done.train_s = 9;
  return done;
}

Progress halfway() {
  Progress progress(500, 2);
  progress.on_event("paris.0", step(100, 2.2), kBegin);
  progress.on_event("oslo.0", step(100, 2.4), kBegin);
  progress.on_event("paris.0", step(121, 2.2), kBegin + 9s);
  progress.on_event("oslo.0", step(120, 2.4), kBegin + 10s);
  return progress;
}

}  // namespace

// Mutation: the loss is the last island's, or the sums count one island.
TEST_CASE("the line sums up all islands") {
  CHECK(halfway().line(120, kBegin + 10s) ==
        "step 120/500  loss 2.300  8.9k tokens/s  sent 14.2 MB  sync 10.0%  ETA 3m10s");
}

// Mutation: eta_s() counts the steps from 0 (a resumed run looks too fast).
TEST_CASE("the time left comes from the steps seen, and runs down between them") {
  Progress progress = halfway();
  CHECK(progress.line(120, kBegin + 20s).find("ETA 3m00s") != std::string::npos);
  CHECK(progress.line(120, kBegin + 1000s).find("ETA 0s") != std::string::npos);
}

// Mutation: line() drops the first field that it finds.
TEST_CASE("a narrow line loses its least telling fields first") {
  const Progress progress = halfway();
  const std::pair<std::size_t, const char*> cases[] = {
      {76, "step 120/500  loss 2.300  8.9k tokens/s  sent 14.2 MB  sync 10.0%  ETA 3m10s"},
      {75, "step 120/500  loss 2.300  8.9k tokens/s  sync 10.0%  ETA 3m10s"},
      {60, "step 120/500  loss 2.300  8.9k tokens/s  ETA 3m10s"},
      {40, "step 120/500  loss 2.300  ETA 3m10s"},
      {30, "step 120/500  loss 2.300"},
      {20, "step 120/500"},
      {5, "step "},
      {0, ""}};
  for (const auto& [width, text] : cases) CHECK(progress.line(width, kBegin + 10s) == text);
}

// Mutation: an unknown number is written as nan.
TEST_CASE("what is not known yet is a dash") {
  Progress progress(500, 1);
  StepDone bare;
  bare.step = 1;
  progress.on_event("paris.0", bare, kBegin);
  CHECK(progress.line(120, kBegin) == "step 1/500  loss -  - tokens/s  sent 0 B  sync -  ETA -");
}

// Mutation: waiting() counts events, not islands that joined.
TEST_CASE("before the first step the line says what is waited for") {
  Progress progress(500, 2);
  CHECK(progress.line(80, kBegin) == "starting the coordinator");
  progress.on_event("coordinator", Listening{"a:1"}, kBegin);
  progress.on_event("paris.0", Joined{"paris"}, kBegin);
  CHECK(progress.line(80, kBegin) == "waiting for the islands (1 of 2 joined)");
  progress.on_event("oslo.0", Joined{"oslo"}, kBegin);
  CHECK(progress.line(80, kBegin) == "waiting for the first step");
  CHECK(progress.line(7, kBegin) == "waiting");
}
