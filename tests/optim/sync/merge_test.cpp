#include <cmath>
#include <vector>

#include <outrigger/optim/sync/merge.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: swap alpha and 1 - alpha; leave out the case of alpha 0 (0 * NaN is NaN).
TEST_CASE("mix weighs the island's own parameters with alpha, and 0 takes the global ones whole") {
  std::vector<float> local = {1, 2, NAN};
  const std::vector<float> global = {5, 6, 0.1F};
  mix(std::span(local).first(2), std::span(global).first(2), 0.25F);
  CHECK(local[0] == 4.0F);
  CHECK(local[1] == 5.0F);
  mix(local, global, 0);
  CHECK(local == global);
}

// Mutation: in carry add held * included.
TEST_CASE("carry keeps exactly what the round does not include") {
  const std::vector<float> before = {10, 10, 10}, after = {8, 8, 8}, included = {3, 3, 3};
  std::vector<float> local = {7, 6, 10};  // leads of 3, 4 and 0
  carry(local, before, after, included, 1);
  CHECK(local == std::vector<float>{8, 7, 11});
  local = {7, 6, 10};
  carry(local, before, after, included, 0);
  CHECK(local == std::vector<float>{5, 4, 8});
}

}  // namespace
}  // namespace outrigger
