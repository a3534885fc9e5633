#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include <outrigger/framework/recipe/load.h>

#include "framework/recipe/texts.h"
#include "support/catch.h"

using namespace outrigger;

// Mutation: report the first error only in load_recipe.
TEST_CASE("recipe with three mistakes reports all three with their lines") {
  const std::string errors = errors_of(
      "data: {corpus: kjv}\n"
      "sync:\n"
      "  evry: 20\n"
      "train:\n"
      "  steps: many\n"
      "outer: {momentum: 1.5}\n");
  CHECK(errors ==
        "r.yaml:3: sync.evry: is no key of a recipe; did you mean `sync.every`?\n"
        "r.yaml:5: train.steps: is many, but must be an integer of at least 1\n"
        "r.yaml:6: outer.momentum: is 1.5, but must be a number from 0 to below 1");
}

// Mutation: apply the overrides before the file.
TEST_CASE("recipe override wins over the file and says where it came from") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}\nsync: {every: 10}\n"}},
                           {"sync.every=20", "sync.every=30"});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.sync.every == 30);
  CHECK(to_string(loaded->sources.at("sync.every")) == "command line");
  CHECK(to_string(loaded->sources.at("data.corpus")) == "r.yaml:1");
  CHECK(!loaded->sources.contains("sync.codec"));
}

// Mutation: split the override at its last '='.
TEST_CASE("recipe override's value may hold an equals sign and what means something in YAML") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}},
                           {"sample.prompt=a=b: c # d", "data.corpus=", "data.files=[x=y.txt]"});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.sample.prompt == "a=b: c # d");
  CHECK(loaded->recipe.data.files == std::vector<std::string>{"/jobs/x=y.txt"});
}

// Mutation: drop the free_text branch's test for a quote.
TEST_CASE("recipe override in quotes may use YAML's escapes") {
  auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}"}}, {"sample.prompt=\"a\\nb\""});
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.sample.prompt == "a\nb");
}

// Mutation: leave out the test for a missing key or '='.
TEST_CASE("recipe override without a key or a value is refused") {
  CHECK(errors_with({"sync.every"}) ==
        "command line: \"sync.every\" is no override; write key=value, such as sync.every=20");
  CHECK(errors_with({"=3"}).find("is no override") != std::string::npos);
  CHECK(errors_with({"sync.every="}).find("sync.every: has no value") != std::string::npos);
  CHECK(errors_with({"inner.betas=[0.9"}).find("inner.betas: bad YAML") != std::string::npos);
}

// Mutation: read the includes after the file's own keys.
TEST_CASE("recipe includes in order, later wins key by key, paths relative to the including file") {
  auto loaded = load_texts(
      {{"recipes/r.yaml", "include: [../configs/a.yaml, ../configs/b.yaml]\nsync: {every: 3}\n"},
       {"configs/a.yaml",
        "include: sub/c.yaml\nsync: {every: 1, codec: bf16}\ntrain: {steps: 11}\n"},
       {"configs/b.yaml", "sync: {codec: int8}\n"},
       {"configs/sub/c.yaml", "train: {steps: 7, batch: 16}\ndata: {files: [x.txt]}\n"}},
      {}, "recipes/r.yaml");
  REQUIRE(loaded.ok());
  CHECK(loaded->recipe.sync.every == 3);
  CHECK(loaded->recipe.sync.codec == "int8");
  CHECK(loaded->recipe.train.steps == 11);
  CHECK(loaded->recipe.train.batch == 16);
  CHECK(loaded->recipe.data.files == std::vector<std::string>{"/jobs/configs/sub/x.txt"});
  CHECK(to_string(loaded->sources.at("sync.codec")) == "configs/b.yaml:1");
  CHECK(to_string(loaded->sources.at("train.batch")) == "configs/sub/c.yaml:1");
}

// Mutation: leave a file in the chain when it has been read (refuses the diamond).
TEST_CASE("recipe include cycle is refused with its chain, a diamond is not") {
  auto cycle = load_texts({{"r.yaml", "\ninclude: a.yaml"},
                           {"a.yaml", "include: [b.yaml]"},
                           {"b.yaml", "include: a.yaml"}});
  CHECK(cycle.status().message() ==
        "b.yaml:1: include: goes round in a circle: a.yaml -> b.yaml -> a.yaml");
  auto diamond = load_texts({{"r.yaml", "include: [a.yaml, b.yaml]"},
                             {"a.yaml", "include: c.yaml"},
                             {"b.yaml", "include: c.yaml"},
                             {"c.yaml", "data: {corpus: kjv}"}});
  CHECK(diamond.ok());
}

// Mutation: report a missing include without the line that asks for it.
TEST_CASE("recipe file that is missing is named with the line that includes it") {
  CHECK(load_texts({}).status().message().starts_with("r.yaml: no such file"));
  CHECK(errors_of("data: {corpus: kjv}\ninclude: gone.yaml\n") ==
        "r.yaml:2: include: gone.yaml: no such file");
  CHECK(errors_of("data: {corpus: kjv}\ninclude: {a: b}\n") ==
        "r.yaml:2: include: is a group of keys, but must be a path or a list of paths");
}

// Mutation: drop kMaxFiles.
TEST_CASE("recipe whose includes multiply is cut short") {
  Texts texts;
  for (int i = 0; i < 40; ++i) {
    const std::string next = fmt::format("f{}.yaml", i + 1);
    texts[fmt::format("f{}.yaml", i)] = fmt::format("include: [{}, {}]", next, next);
  }
  texts["f40.yaml"] = "data: {corpus: kjv}";
  CHECK(load_texts(texts, {}, "f0.yaml").status().message().find("more than 100 files") !=
        std::string::npos);
}

// Mutation: let add_value accept a scalar for a section.
TEST_CASE("recipe shapes that do not fit are refused") {
  CHECK(errors_of("").starts_with("r.yaml:1: is empty"));
  CHECK(errors_of("# only words\n").starts_with("r.yaml:1: is empty"));
  CHECK(errors_of("just words")
            .starts_with("r.yaml:1: holds just words, but a recipe is a group of keys"));
  CHECK(errors_of("data: {corpus: kjv}\nsync: 20\n") ==
        "r.yaml:2: sync: is 20, but must be a group of keys; `sync.enabled` is one of its keys");
  CHECK(errors_of("data: {corpus: kjv}\nname: {a: b}\n")
            .starts_with("r.yaml:2: name: is a group of keys, but must be a name"));
  CHECK(errors_of("data: {corpus: kjv}\nsync: {every: }\n")
            .starts_with("r.yaml:2: sync.every: has no value"));
}

// Mutation: drop set_here_.
TEST_CASE("recipe key given twice in one file is refused, however it is spelled") {
  CHECK(errors_of("data: {corpus: kjv}\nsync: {every: 1}\nsync: {every: 2}\n")
            .starts_with("r.yaml:3: sync: given twice, first on line 2"));
  CHECK(errors_of("data: {corpus: kjv}\nsync:\n  every: 1\n  every: 2\n") ==
        "r.yaml:4: sync.every: given twice, first on line 3; keep one");
  CHECK(errors_of("data: {corpus: kjv}\nsync.every: 1\nsync: {every: 2}\n") ==
        "r.yaml:3: sync.every: given twice, first on line 2; keep one");
}

// Mutation: leave out the line `if (!is_name(name.text))` of islands().
TEST_CASE("recipe islands come as a count or as names, and the later one wins") {
  const auto names = [](const std::string& text, const std::vector<std::string>& overrides = {}) {
    auto loaded = load_texts({{"r.yaml", "data: {corpus: kjv}\n" + text}}, overrides);
    return std::move(loaded).value_or_throw().recipe.islands.names;
  };
  CHECK(names("islands: {count: 3}") ==
        std::vector<std::string>{"island-0", "island-1", "island-2"});
  CHECK(names("islands: [{name: paris}, {name: tokyo}]") ==
        std::vector<std::string>{"paris", "tokyo"});
  CHECK(names("islands: [{name: paris}, {name: tokyo}]", {"islands.count=1"}) ==
        std::vector<std::string>{"island-0"});
  CHECK(errors_with({"islands=[{name: a}, {name: a}]"}).find("two islands named a") !=
        std::string::npos);
  CHECK(errors_with({"islands=[{name: ../a}]"})
            .find("has an island whose name is ../a, but must be") != std::string::npos);
  CHECK(errors_with({"islands=[{nam: a}]"}).find("an island is {name: NAME}") != std::string::npos);
  CHECK(errors_with({"islands=3"}).find("islands: is 3, but must be") != std::string::npos);
  CHECK(errors_with({"islands=[]"}).find("islands: ") != std::string::npos);
}

// Mutation: in islands(), leave out the check of the sites' number; in island_count(), keep the
// sites.
TEST_CASE("recipe islands have a site each, or none") {
  const auto sites = [](const std::vector<std::string>& overrides) {
    auto loaded = load_texts({{"r.yaml",
                               "data: {corpus: kjv}\ncomm: {topology: hierarchical}\n"
                               "islands: [{name: a, site: x}, {name: b, site: y}]\n"}},
                             overrides);
    return std::move(loaded).value_or_throw().recipe.islands.sites;
  };
  CHECK(sites({}) == std::vector<std::string>{"x", "y"});
  CHECK(sites({"islands.count=3", "comm.topology=auto"}).empty());
  CHECK(errors_with({"islands=[{name: a, site: x}, {name: b}]"})
            .find("some without; give every island one, or none") != std::string::npos);
  CHECK(errors_with({"islands=[{name: a, site: ''}]"}).find("an island whose site is") !=
        std::string::npos);
  CHECK(errors_with({"islands=[{name: a, place: x}]"}).find("or {name: NAME, site: NAME}") !=
        std::string::npos);
}

// Mutation: take the last part of a foreign name only.
TEST_CASE("recipe names of other systems are refused with ours") {
  CHECK(errors_of("data: {corpus: kjv}\nsync_every: 20\nhv: {local_steps: 500, outer_lr: "
                  "0.7}\nlearning_rate: 1\n") ==
        "r.yaml:2: sync_every: is another system's name; here it is `sync.every`\n"
        "r.yaml:3: hv.local_steps: is another system's name; here it is `sync.every`\n"
        "r.yaml:3: hv.outer_lr: is another system's name; here it is `outer.lr`\n"
        "r.yaml:4: learning_rate: is another system's name; here it is `inner.lr`");
  CHECK(errors_with({"membership.grace=4s"})
            .find("membership.grace: has no key yet: the policy is strict") != std::string::npos);
  CHECK(errors_with({"train.batch_size=4"}).find("here it is `train.batch`") != std::string::npos);
}

// Mutation: let read_whole_file open folders.
TEST_CASE("recipe read from real files says what is wrong with the file") {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("outrigger-recipe-{}", ::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "r.yaml").string();
  std::ofstream(path) << "data: {corpus: kjv}\n";
  CHECK(load_recipe(path).ok());
  CHECK(load_recipe(folder.string()).status().message().find("is a folder") != std::string::npos);
  CHECK(load_recipe(path + "x").status().message().find("no such file") != std::string::npos);
  std::ofstream(path) << std::string((1 << 20) + 1, '#');
  CHECK(load_recipe(path).status().message().find("larger than 1 MiB") != std::string::npos);
  std::filesystem::remove_all(folder);
}
