#include <outrigger/framework/trainer/arithmetic.h>

#include "support/catch.h"

namespace outrigger {
namespace {

Recipe small_recipe() {
  Recipe recipe;
  recipe.islands.names = {"a", "b", "c"};
  recipe.model.kv_heads = recipe.model.heads;
  recipe.model.ffn = 352;
  recipe.train.batch = 8;
  recipe.train.context = 64;
  recipe.train.steps = 120;
  recipe.sync.every = 50;
  return recipe;
}

Arithmetic sums_of(const Recipe& recipe) {
  return arithmetic(recipe, model_config(recipe).value_or_throw()).value_or_throw();
}

// Mutation: leave out `+ recipe.sync.every - 1` (the closing round is forgotten).
TEST_CASE(
    "the job's batch is shared out, uneven parts stated, and the tokens do not depend on the "
    "islands") {
  Recipe recipe = small_recipe();
  const Arithmetic three = sums_of(recipe);
  CHECK(three.island_batch == std::vector<std::int64_t>{3, 3, 2});
  CHECK(three.rounds() == 3);
  CHECK(three.tokens_per_step == 512);
  CHECK(three.tokens_per_round == 50 * 512);
  CHECK(to_text(three, recipe).find("3 + 3 + 2") != std::string::npos);
  recipe.islands.names = {"a", "b"};
  const Arithmetic two = sums_of(recipe);
  CHECK(two.tokens == three.tokens);
  CHECK(to_text(two, recipe).find("4 each") != std::string::npos);
}

// Mutation: in GatherCollective::bytes_sent leave out `(members - 1) *`; in round_bytes, leave out
// the sites.
TEST_CASE("bytes a round follow the design's formulas") {
  Recipe recipe = small_recipe();
  recipe.sync.codec = "fp32";
  recipe.comm.topology = "gather";
  const Arithmetic gather = sums_of(recipe);
  const double n = static_cast<double>(gather.parameters);
  CHECK(static_cast<double>(gather.fragments[0].bytes_per_round) ==
        Approx(2 * 4 * n).epsilon(0.001));
  recipe.comm.topology = "direct";
  CHECK(static_cast<double>(sums_of(recipe).fragments[0].bytes_per_round) ==
        Approx(2.0 / 3 * (4 + 4) * n).epsilon(0.01));
  const auto most = [&](const char* topology) {
    recipe.comm.topology = topology;
    return static_cast<double>(sums_of(recipe).fragments[0].bytes_per_round);
  };
  CHECK(most("star") == Approx(2 * 4 * n).epsilon(0.001));  // the hub
  CHECK(most("ring") == Approx((1.0 / 3 + 3.0 / 3) * 4 * n).epsilon(0.02));
  CHECK(most("all_reduce") == Approx(2 * 2.0 / 3 * 4 * n).epsilon(0.001));
  recipe.islands.sites = {"x", "x", "y"};  // the first site's head: half across, all down
  CHECK(most("hierarchical") == Approx((0.5 + 0.5 + 1) * 4 * n).epsilon(0.01));
}

// Mutation: in arithmetic ignore recipe.sync.enabled.
TEST_CASE("with sync off there are no rounds and no bytes") {
  Recipe recipe = small_recipe();
  recipe.sync.enabled = false;
  CHECK(sums_of(recipe).rounds() == 0);
  CHECK(sums_of(recipe).bytes() == 0);
}

// Mutation: in micro_rows leave out the bound by the island's batch.
TEST_CASE("an automatic micro-batch has at most 4,096 tokens, and at least one row") {
  Recipe recipe = small_recipe();
  CHECK(micro_rows(recipe, 3) == 3);
  CHECK(micro_rows(recipe, 1000) == 64);
  recipe.train.context = 10000;
  CHECK(micro_rows(recipe, 5) == 1);
  recipe.train.micro_batch = 2;
  CHECK(micro_rows(recipe, 5) == 2);
}

}  // namespace
}  // namespace outrigger
