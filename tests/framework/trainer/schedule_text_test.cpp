#include <outrigger/framework/trainer/schedule_text.h>

#include <map>
#include <nlohmann/json.hpp>

#include "support/catch.h"

namespace outrigger::schedule_text_test {
namespace {

Recipe streaming() {
  Recipe recipe;
  recipe.model.layers = 4;
  recipe.model.hidden = 16;
  recipe.model.heads = recipe.model.kv_heads = 2;
  recipe.model.ffn = 32;
  recipe.sync.every = 10;
  recipe.sync.fragments = 4;
  recipe.sync.delay = 3;
  recipe.sync.codec = "int8";
  recipe.train.steps = 25;
  return recipe;
}

Arithmetic sums_of(const Recipe& recipe) {
  return arithmetic(recipe, model_config(recipe).value_or_throw()).value_or_throw();
}

// By hand: fragment p applies at kH + floor((p + 1) 10 / 4) = 2, 5, 7, 10 and launches 3 steps
// before. Mutations: in cycle() print the first cycle (its launches before step 1 are missing); in
// schedule_json give row.boundary.launches for both.
TEST_CASE("a recipe's timetable lists every launch and apply of a cycle, in steps and bytes") {
  const Recipe recipe = streaming();
  const Arithmetic sums = sums_of(recipe);
  const auto json = nlohmann::json::parse(schedule_json(recipe, sums));
  std::map<int, int> launches, applies;
  std::uint64_t bytes = 0;
  for (const auto& row : json["cycle"]) {
    for (const int p : row["launch"]) launches[p] = row["step"];
    for (const int p : row["apply"]) applies[p] = row["step"];
    bytes += row["bytes"].get<std::uint64_t>();
  }
  CHECK(launches == std::map<int, int>{{0, 9}, {1, 2}, {2, 4}, {3, 7}});
  CHECK(applies == std::map<int, int>{{0, 2}, {1, 5}, {2, 7}, {3, 10}});
  std::uint64_t of_fragments = 0, parameters = 0;
  for (const auto& fragment : json["fragments"]) {
    of_fragments += fragment["bytes_per_round"].get<std::uint64_t>();
    parameters += fragment["parameters"].get<std::uint64_t>();
  }
  CHECK(bytes == of_fragments);
  CHECK(parameters == static_cast<std::uint64_t>(sums.parameters));
  // 25 steps: fragment 0 launches at 9, 19; 1 at 2, 12, 22; 2 at 4, 14, 24; 3 at 7, 17; each once
  // more at the end.
  CHECK(json["rounds"] == 2 + 3 + 3 + 2 + 4);
}

// Mutation: in schedule_text leave out the peak.
TEST_CASE("a recipe's timetable for people says when, what and how much at most") {
  const std::string text = schedule_text(streaming(), sums_of(streaming()));
  CHECK(text.find("A cycle is 10 inner steps. Each of 4 fragments is launched once and applied 3 "
                  "steps later; the islands take the global parameters.") != std::string::npos);
  CHECK(text.find("kH+7           3           2") != std::string::npos);
  CHECK(text.find("kH+10           -           3           -") != std::string::npos);
  CHECK(text.find("at one step. In 25 steps: 14 rounds") != std::string::npos);
}

}  // namespace
}  // namespace outrigger::schedule_text_test
