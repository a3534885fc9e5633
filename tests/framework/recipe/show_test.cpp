#include <filesystem>

#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/show.h>
#include <nlohmann/json.hpp>

#include "framework/recipe/texts.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

std::vector<std::string> recipes_of_the_tree() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(OUTRIGGER_SOURCE_DIR "/recipes")) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path().string());
  }
  return paths;
}

Recipe load_back(const std::string& text) {
  return load_texts({{"r.yaml", text}}).value_or_throw().recipe;
}

}  // namespace

// Mutation: leave the keys of `outer` out of print().
TEST_CASE("every recipe of the tree loads without a warning, prints, and loads back to the same") {
  const auto paths = recipes_of_the_tree();
  REQUIRE(paths.size() >= 2);
  for (const std::string& path : paths) {
    INFO(path);
    auto loaded = load_recipe(path);
    INFO(loaded.status().message());
    REQUIRE(loaded.ok());
    CHECK(loaded->warnings.empty());
    const std::string text = resolved_yaml(loaded->recipe);
    CHECK(load_back(text) == loaded->recipe);
    CHECK(resolved_yaml(load_back(text)) == text);
    CHECK(load_back(annotated_yaml(*loaded)) == loaded->recipe);
  }
}

// Mutation: print 6 digits of a double; print a duration in the largest unit below it.
TEST_CASE("resolved recipe keeps odd values exactly") {
  auto loaded =
      load_texts({{"r.yaml", "data: {corpus: kjv}"}},
                 {"inner.lr=0.1234567890123456", "inner.eps=1e-30",
                  "membership.timeout={min: 1500ms, max: 2h}",
                  "sample.prompt=a \"quoted\" \\ #tab\t: café\n...",
                  "data.corpus=", "data.files=['a b.txt', \"-x\", 'null', '#']",
                  "train.micro_batch=4", "train.threads=auto",
                  "islands=[{name: paris, site: '7'}, {name: '5', site: x}]", "seed=999999999999"});
  INFO(loaded.status().message());
  REQUIRE(loaded.ok());
  CHECK(load_back(resolved_yaml(loaded->recipe)) == loaded->recipe);
}

// Mutation: leave model.ffn at 0.
TEST_CASE("resolved recipe holds the sizes that are used") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}\nmodel: {hidden: 384, heads: 6}\n"}});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.model.ffn == 1024);
  CHECK(loaded->recipe.model.kv_heads == 6);
  CHECK(to_string(loaded->sources.at("model.ffn")) == "from model.hidden");
}

// Mutation: note nothing for defaults.
TEST_CASE("annotated recipe says behind each value where it came from") {
  auto loaded = load_texts({{"r.yaml", "\ndata: {corpus: kjv}\n"}}, {"sync.every=7"});
  REQUIRE(loaded.ok());
  const std::string text = annotated_yaml(*loaded);
  CHECK(text.find("  corpus: kjv                             # r.yaml:2\n") != std::string::npos);
  CHECK(text.find("  every: 7                                # command line\n") !=
        std::string::npos);
  CHECK(text.find("  codec: fp32                             # default\n") != std::string::npos);
}

// Mutation: give numbers as text in ToJson.
TEST_CASE("recipe as JSON is typed and complete") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}}, {"sync.every=7"});
  REQUIRE(loaded.ok());
  const auto json = nlohmann::json::parse(recipe_json(*loaded));
  CHECK(json["recipe"]["sync"]["every"] == 7);
  CHECK(json["recipe"]["inner"]["schedule"]["kind"] == "cosine");
  CHECK(json["recipe"]["train"]["micro_batch"] == "auto");
  CHECK(json["recipe"]["islands"].size() == 2);
  CHECK(json["from"]["sync.every"] == "command line");
  CHECK(json["from"].size() == recipe_keys().size() - 1);
}
