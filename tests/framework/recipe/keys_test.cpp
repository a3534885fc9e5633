#include <set>

#include <outrigger/framework/recipe/foreign_names.h>
#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/show.h>
#include <outrigger/framework/recipe/value.h>
#include <nlohmann/json.hpp>

#include "framework/recipe/texts.h"
#include "support/catch.h"

using namespace outrigger;

// Mutation: declare a key twice; leave a help text empty.
TEST_CASE("every recipe key is declared once, with help and a type") {
  std::set<std::string_view> names;
  for (const Key& key : recipe_keys()) {
    INFO(key.name);
    CHECK(names.insert(key.name).second);
    CHECK(!key.help.empty());
    CHECK(key.help.find('\n') == std::string_view::npos);
    CHECK(!type_text(key).empty());
    CHECK(find_key(key.name) == &key);
  }
}

// Mutation: let one key's slot point at another's member.
TEST_CASE("every recipe key has a place of its own") {
  Recipe recipe;
  std::set<const void*> places;
  for (const Key& key : recipe_keys()) {
    if (key.form == Form::kIslandCount) continue;
    INFO(key.name);
    CHECK(
        places
            .insert(std::visit([](auto* place) -> const void* { return place; }, key.slot(recipe)))
            .second);
  }
}

// Mutation: print durations without their unit.
TEST_CASE("every recipe key's default is a value that it takes and that loads back") {
  for (const Key& key : recipe_keys()) {
    INFO(key.name << ": " << write_value(key, Recipe{}));
    Recipe recipe;
    const YamlDocument value = parse_yaml(write_value(key, Recipe{}));
    REQUIRE(value.complete);
    CHECK(read_value(key, value.root, "", recipe) == "");
    CHECK(recipe == Recipe{});
  }
}

// Mutation: leave the check for `above_min` out of in_range.
TEST_CASE(
    "every recipe key refuses what is of another type or out of range, and says what would be "
    "right") {
  for (const Key& key : recipe_keys()) {
    if (key.name == "islands") continue;
    INFO(key.name);
    Recipe recipe;
    for (const char* wrong : {"{a: b}", "[[1]]", "[1, 2, 3, {}]"}) {
      const std::string problem = read_value(key, parse_yaml(wrong).root, "", recipe);
      CHECK(!problem.empty());
    }
    CHECK(recipe == Recipe{});
  }
  const auto refused = [](const std::string& override) {
    const std::string error = errors_with({override});
    return error.find("must be") != std::string::npos;
  };
  for (const char* wrong : {"inner.lr=0",
                            "inner.lr=-1",
                            "inner.lr=nan",
                            "inner.lr=inf",
                            "inner.lr='1'",
                            "inner.lr=1e400",
                            "inner.betas=[0.9, 1]",
                            "inner.betas=[0.9]",
                            "inner.betas=0.9",
                            "inner.momentum=1",
                            "inner.momentum=none",
                            "inner.adamw_lr=0",
                            "inner.decay=norms",
                            "outer.momentum=1",
                            "outer.betas=[1, 0.9]",
                            "outer.eps=0",
                            "outer.schedule.final=1.1",
                            "sync.aggregate=average",
                            "sync.trim=0",
                            "sync.trim=0.5",
                            "sync.clip=-1",
                            "sync.edit.clip=0",
                            "train.steps=0",
                            "train.steps=1.5",
                            "train.steps=1e3",
                            "train.steps=99999999999999999999",
                            "train.steps=0x10",
                            "train.context=1",
                            "train.micro_batch=0",
                            "train.micro_batch=some",
                            "train.threads=\"auto\"",
                            "model.tied=yes",
                            "model.tied=1",
                            "model.tied=\"true\"",
                            "checkpoint.keep=0",
                            "sample.top_p=0",
                            "sample.top_p=1.01",
                            "sync.error_feedback=1.1",
                            "sync.feedback=memory",
                            "sync.rounding=up",
                            "data.eval_fraction=0.6",
                            "name=../x",
                            "name=",
                            "name=.hidden",
                            "membership.timeout.min=5",
                            "membership.timeout.min=5 s",
                            "membership.timeout.min=5m",
                            "membership.timeout.min=s",
                            "membership.timeout.min=0s",
                            "membership.timeout.max=99999999999999h",
                            "islands.count=0",
                            "islands.count=2000",
                            "seed=-1"}) {
    INFO(wrong);
    CHECK(refused(wrong));
  }
}

// Mutation: give `lr` a key that does not exist.
TEST_CASE("every name of another system points at a key of ours or says why there is none") {
  std::set<std::string_view> names;
  for (const ForeignName& foreign : foreign_names()) {
    INFO(foreign.name);
    CHECK(names.insert(foreign.name).second);
    CHECK(find_key(foreign.name) == nullptr);
    if (foreign.ours.empty()) {
      CHECK(!foreign.why.empty());
    } else {
      CHECK(find_key(foreign.ours) != nullptr);
    }
  }
  for (const char* known :
       {"sync_every", "sync_steps", "num_fragments", "fragment_sync_delay", "fragment_update_alpha",
        "mix_alpha", "diloco_sync_period", "diloco_outer_lr", "diloco_outer_momentum",
        "hv.local_steps", "hv.outer_lr", "local_steps", "outer_lr", "batch_size", "learning_rate",
        "lr", "max_steps", "nproc_per_node", "should_quantize"}) {
    INFO(known);
    CHECK(find_foreign_name(known) != nullptr);
  }
}

// Mutation: leave the last key out of keys_text.
TEST_CASE("the list of recipe keys holds every key with its type, default and help") {
  const std::string text = keys_text();
  const auto json = nlohmann::json::parse(keys_json());
  REQUIRE(json.size() == recipe_keys().size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const Key& key = recipe_keys()[i];
    CHECK(json[i]["name"] == key.name);
    CHECK(json[i]["help"] == key.help);
    CHECK(json[i]["type"] == type_text(key));
    CHECK(json[i]["default"] == write_value(key, Recipe{}));
    CHECK(text.find(std::string(key.name) + "\n    " + std::string(key.help)) != std::string::npos);
  }
}
