#include "comm/membership/simulation.h"

#include "support/catch.h"

using namespace outrigger::test;

// Mutation: in Coordinator::hello, take a Hello whose connection count is not higher.
// Mutation: in Member::resend, leave out the gathers.
// Mutation: in GatherBook::replay, forget the results.
// Mutation: in RoundBook::rejoined, leave out the close.
// Mutation: in RoundBook::retry, put the owners in the order of islands again.
TEST_CASE("simulated: broken connections and coordinator restarts cost time, never a version") {
  int restarts = 0, cuts = 0, retries = 0, reordered = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.islands = 1 + static_cast<std::uint32_t>(seed % 4);
    options.fragments = 1 + static_cast<std::uint32_t>(seed % 3);
    options.cut = seed % 2 == 0 ? 0.01 : 0.0;
    options.crash = seed % 5 < 3 ? 0.01 : 0.0;
    options.double_message = 0.02;
    options.broken_exchange = seed % 7 == 0 ? 0.02 : 0.0;
    const SimulationResult result = simulate(options);
    INFO("seed " << seed << ", ended: " << result.aborted);
    REQUIRE(result.violation.empty());
    REQUIRE(result.finished);
    restarts += result.restarts;
    cuts += result.cuts;
    retries += result.retries;
    reordered += result.reordered;
  }
  CHECK(restarts > 500);
  CHECK(cuts > 1000);
  CHECK(retries > 10);
  CHECK(reordered > 100);
}

// Mutation: in Coordinator::tick, leave out the loop over the seats.
TEST_CASE("simulated: a member that dies ends every wait, and is named") {
  int named = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.islands = 2 + static_cast<std::uint32_t>(seed % 3);
    options.crash = seed % 4 == 0 ? 0.002 : 0.0;
    options.kill = true;
    const SimulationResult result = simulate(options);
    INFO("seed " << seed << ", ended: " << result.aborted);
    REQUIRE(result.violation.empty());
    REQUIRE((result.finished || result.aborted.find("island ") != std::string::npos));
    named += result.finished ? 0 : 1;
  }
  CHECK(named > 400);
}

// Mutation: none of the code: a simulation that is not a function of its seed (std::random_device).
TEST_CASE("simulated: one seed gives one history") {
  SimulationOptions options;
  options.seed = 42;
  options.cut = 0.01;
  options.crash = 0.004;
  CHECK(simulate(options).trace == simulate(options).trace);
  options.seed = 43;
  CHECK(simulate(options).trace != simulate({}).trace);
}
