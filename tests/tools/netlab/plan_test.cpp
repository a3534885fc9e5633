#include "netlab/plan.h"

#include <sstream>

#include "support/catch.h"

namespace outrigger::netlab::plan_test {

Result<Plan> plan_of(const std::string& text) {
  std::istringstream lines(text);
  return read_plan(lines);
}

// Mutation: read jitter before delay.
TEST_CASE("a plan is read whole") {
  const auto plan = plan_of(
      "seed 17\nsegments\nhost lab-0 10.89.0.1 125000000 20000000 1000000 0.001 5000000\n"
      "host lab-1 10.89.0.2 0 0 0 0 0\nend\nnot read\n");
  REQUIRE(plan.ok());
  CHECK(plan->seed == 17);
  CHECK(plan->segments);
  REQUIRE(plan->hosts.size() == 2);
  const Plan::Host& host = plan->hosts[0];
  CHECK(host.name_space == "lab-0");
  CHECK(host.in_star.address == 0x0a590001);
  CHECK(host.in_star.shape.bytes_per_second == 125e6);
  CHECK(host.in_star.shape.delay == std::chrono::milliseconds(20));
  CHECK(host.in_star.shape.jitter == std::chrono::milliseconds(1));
  CHECK(host.in_star.shape.loss == 0.001);
  CHECK(host.in_star.shape.queue_bytes == 5000000);
  CHECK_FALSE(plan_of("end\n")->segments);
}

// Mutation: leave out any one of the refusals.
TEST_CASE("a wrong line is refused and named") {
  const std::string host = "host lab-0 10.89.0.1 ";
  for (const std::string& line :
       {std::string("hosts"), std::string("seed x"), std::string("seed 1 2"),
        std::string("segments 1"), std::string("end 1"),
        std::string("host lab-0 10.89.0 1 1 1 0 1"), host + "1 1 1 0", host + "1 1 1 0 1 1",
        host + "-1 1 1 0 1", host + "1 1 2 0 1", host + "1 1 -1 0 1", host + "1 1 1 1.1 1",
        host + "1 1 1 -0.1 1"}) {
    const auto plan = plan_of(line + "\nend\n");
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.status().message().find("'" + line + "'") != std::string::npos);
  }
  CHECK_FALSE(plan_of("seed 1\n").ok());
}

}  // namespace outrigger::netlab::plan_test
