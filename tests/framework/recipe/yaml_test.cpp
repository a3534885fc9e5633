#include <outrigger/framework/recipe/value.h>
#include <outrigger/framework/recipe/yaml.h>

#include "support/catch.h"

using namespace outrigger;

namespace {

std::string first_problem(const std::string& text) {
  const YamlDocument document = parse_yaml(text);
  if (document.problems.empty()) return "";
  return std::to_string(document.problems[0].line) + ": " + document.problems[0].what;
}

}  // namespace

// Mutation: take the value's line instead of its key's.
TEST_CASE("yaml tree keeps order, lines and quotes") {
  const YamlDocument document = parse_yaml("b: 1\na:\n  - x\n  - 'y'\nc:\n\n  {d: \"2\"}\n");
  REQUIRE(document.complete);
  CHECK(document.problems.empty());
  const auto& entries = document.root.entries;
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].first == "b");
  CHECK(entries[1].second.line == 2);
  CHECK(entries[1].second.items[1].line == 4);
  CHECK(!entries[1].second.items[0].quoted);
  CHECK(entries[1].second.items[1].quoted);
  CHECK(entries[2].second.line == 5);
  CHECK(entries[2].second.entries[0].second.text == "2");
}

// Mutation: go on silently when a key comes again.
TEST_CASE("yaml keys given twice are all reported and the first value stays") {
  const YamlDocument document = parse_yaml("a: 1\nb: {c: 1, c: 2}\na: 2\nd: 3\n");
  REQUIRE(document.complete);
  REQUIRE(document.problems.size() == 2);
  CHECK(document.problems[0].key == "b.c");
  CHECK(document.problems[1].line == 3);
  CHECK(document.problems[1].what == "given twice, first on line 1; keep one");
  CHECK(document.root.entries.size() == 3);
  CHECK(document.root.entries[0].second.text == "1");
}

// Mutation: drop first_tab_indented_line; ignore a second document; accept an alias.
TEST_CASE("yaml that recipes do not take is refused with its line") {
  CHECK(first_problem("a:\n  b: 1\n\tc: 2\n") == "3: indented with a tab; YAML takes spaces only");
  CHECK(first_problem("a: [1, 2\nb: 3\n").find("bad YAML") != std::string::npos);
  CHECK(first_problem("a: 'open\n").find("bad YAML") != std::string::npos);
  CHECK(first_problem("a: &x 1\nb: *x\n").starts_with("1: bad YAML: anchors"));
  CHECK(first_problem("a: &x [*x]\n").starts_with("1: bad YAML: anchors"));
  CHECK(first_problem("a: 1\n---\nb: 2\n").starts_with("3: a second document"));
  CHECK(first_problem("? [a, b]\n: 1\n").find("a key must be plain text") != std::string::npos);
  CHECK(first_problem("? {a: b}\n: 1\n").find("a key must be plain text") != std::string::npos);
  CHECK(first_problem("~: 1\n").find("a key must be plain text") != std::string::npos);
  CHECK(first_problem(std::string("a: 1\0", 5)).find("zero byte") != std::string::npos);
  CHECK(first_problem(std::string(5000, '[')).find("bad YAML") != std::string::npos);
}

// Mutation: let is_closed say true; take a doubled single quote for the end.
TEST_CASE("yaml quote that is never closed is refused instead of swallowing the rest") {
  const std::string problem = "bad YAML: the quote that opens here is never closed";
  CHECK(first_problem("a:\n  b: \"x\n  c: 1\nd: 2\n") == "2: " + problem);
  CHECK(first_problem("a: 'it''s\nb: 1\n") == "1: " + problem);
  CHECK(first_problem("a: \"x\\\"\n") == "1: " + problem);
  CHECK(first_problem("a: caf\xc3\xa9\nb: 'it''s'\nc: \"\\\"\"\nd: ''\n\"e\": 'two\n  lines'\n") ==
        "");
}

// Mutation: quote nothing but the empty text.
TEST_CASE("yaml text that is quoted reads back to the same text") {
  for (const std::string text :
       {"plain", "",  " ",    "a b",  "a: b",     "# c", "-",   "- a",      "null",        "~",
        "true",  "1", "a\"b", "a\\b", "a\nb\t\r", "[x",  "{",   "*a",       "&a",          "!t",
        "%",     "@", "`",    "|",    ">",        "...", "---", "\x01\x7f", "caf\xc3\xa9", "'"}) {
    INFO(text);
    const YamlDocument document = parse_yaml("k: " + quote(text) + "\n");
    REQUIRE(document.complete);
    REQUIRE(document.root.entries.size() == 1);
    CHECK(document.root.entries[0].second.kind == YamlNode::Kind::kScalar);
    CHECK(document.root.entries[0].second.text == text);
  }
}
