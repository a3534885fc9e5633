#include <outrigger/framework/recipe/nearest.h>

#include "support/catch.h"

using namespace outrigger;

// Mutation: leave the swap of neighbours out.
TEST_CASE("edit distance counts what is inserted, dropped, changed and swapped") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("every", "every") == 0);
  CHECK(edit_distance("evry", "every") == 1);
  CHECK(edit_distance("evrey", "every") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

// Mutation: compare with <= so that the later of two equals wins.
TEST_CASE("nearest word is the first of the closest, and none when all are far") {
  constexpr std::string_view kWords[] = {"train", "show", "shop", "dry-run"};
  CHECK(nearest("trian", kWords) == "train");
  CHECK(nearest("sho", kWords) == "show");
  CHECK(nearest("dry_run", kWords) == "dry-run");
  CHECK(nearest("completely", kWords) == std::nullopt);
  CHECK(nearest(std::string(100000, 'x'), kWords) == std::nullopt);
}

// Mutation: score the whole name only.
TEST_CASE("nearest key is found by a slip of the pen, by another section, and without a section") {
  CHECK(nearest_key("sync.evry") == "sync.every");
  CHECK(nearest_key("snyc.every") == "sync.every");
  CHECK(nearest_key("checkpoint.evry") == "checkpoint.every");
  CHECK(nearest_key("train.warmup") == "inner.schedule.warmup");
  CHECK(nearest_key("warmup") == "inner.schedule.warmup");
  CHECK(nearest_key("clip") == "inner.clip");
  CHECK(nearest_key("weight-decay") == "inner.weight_decay");
  CHECK(nearest_key("train.kv_heads") == "model.kv_heads");
  CHECK(nearest_key("qqqqqqqq") == std::nullopt);
  CHECK(nearest_key("") == std::nullopt);
}
