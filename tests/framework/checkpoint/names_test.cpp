#include <outrigger/framework/checkpoint/names.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: parse_step(): the check for a remaining tail dropped ("step-000200x").
TEST_CASE("names: steps and attempts are told apart from everything else") {
  CHECK(step_name(200) == "step-000200");
  CHECK(step_of_name("step-000200") == 200);
  CHECK(step_of_name(step_name(12'345'678)) == 12'345'678);
  for (const char* other : {"step-200", "step-", "step-000200x", "step--00200",
                            "step-99999999999999999999", "Step-000200", ".tmp-step-000200-1", ""})
    CHECK_FALSE(step_of_name(other).has_value());
  CHECK(staging_name(200, 3) == ".tmp-step-000200-3");
  CHECK(step_of_staging_name(staging_name(200, 3)) == 200);
  CHECK_FALSE(step_of_staging_name(".tmp-old-step-000200-ab").has_value());
  CHECK_FALSE(step_of_staging_name("step-000200").has_value());
  CHECK(is_temporary(".tmp-anything"));
  CHECK_FALSE(is_temporary("step-000200"));
}
