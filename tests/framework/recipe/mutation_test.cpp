#include <random>

#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/show.h>

#include "framework/recipe/texts.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t count) {
  return random() % count;
}

const std::string& good_text() {
  static const std::string text = [] {
    auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}});
    return resolved_yaml(std::move(loaded).value_or_throw().recipe);
  }();
  return text;
}

}  // namespace

// Mutation: let unknown keys pass in refuse().
TEST_CASE("recipe with one key renamed at random is refused by that name") {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const Key& key = recipe_keys()[below(random, recipe_keys().size())];
    std::string name(key.name);
    name.insert(below(random, name.size() + 1), 1, static_cast<char>('a' + below(random, 26)));
    if (find_key(name) != nullptr || is_section(name)) continue;
    INFO(name);
    const std::string errors = errors_of(good_text() + "\n" + name + ": 1\n");
    CHECK(errors.find(name + ": ") != std::string::npos);
  }
}

// Mutation: leave the keys of `outer` out of print().
TEST_CASE("recipe with one value retyped at random is refused or takes exactly that value") {
  Random random(2);
  const std::vector<std::string> values = {
      "[]",   "{}",   "-1", "1e999", "nan", "\"\"",        "[1, [2]]", "{a: {b: c}}", "~", "5s",
      "auto", "true", "0",  "0.5",   "zzz", "[{name: a}]", "1"};
  for (int i = 0; i < 600; ++i) {
    const Key& key = recipe_keys()[below(random, recipe_keys().size())];
    const std::string& value = values[below(random, values.size())];
    INFO(key.name << "=" << value);
    auto loaded = load_texts({{"r.yaml", good_text()}}, {std::string(key.name) + "=" + value});
    if (!loaded.ok()) {
      CHECK(!loaded.status().message().empty());
      CHECK(loaded.status().message().starts_with("command line: "));
      continue;
    }
    auto again = load_texts({{"r.yaml", resolved_yaml(loaded->recipe)}});
    INFO(again.status().message());
    REQUIRE(again.ok());
    CHECK(again->recipe == loaded->recipe);
  }
}

// Mutation: let a YAML exception out of parse_yaml.
TEST_CASE(
    "recipe text with bytes dropped, doubled and changed at random is refused with a reason or "
    "loads") {
  Random random(3);
  const std::string odd = ":{}[],-#&*!|>'\"%@` \n\t\\~?0aZ\x80\xff";
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = good_text();
    for (std::size_t edits = 1 + below(random, 4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = below(random, text.size()), length = 1 + below(random, 20);
      switch (below(random, 4)) {
        case 0:
          text.erase(at, length);
          break;
        case 1:
          text.insert(at, text.substr(below(random, text.size()), length));
          break;
        case 2:
          text[at] = odd[below(random, odd.size())];
          break;
        case 3:
          text.resize(at + 1);
          break;
      }
    }
    auto loaded = load_texts({{"r.yaml", text}});
    if (loaded.ok()) continue;
    ++refused;
    INFO(text);
    CHECK(loaded.status().code() == Code::kInvalidArgument);
    CHECK(loaded.status().message().starts_with("r.yaml"));
  }
  CHECK(refused > 1000);
}
