#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outrigger {

// What a YAML document says, with the line of every value. Anchors, tags and several documents in
// one file are refused: `include:` does what recipes need of them.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 1;         // of the value, or of its key in a map
  std::string text;     // of a scalar
  bool quoted = false;  // a quoted scalar is text, whatever it looks like
  std::vector<YamlNode> items;
  std::vector<std::pair<std::string, YamlNode>> entries;  // in the file's order
};

struct YamlProblem {
  int line = 0;
  std::string key;  // "" where none is to blame
  std::string what;
};

struct YamlDocument {
  YamlNode root;
  std::vector<YamlProblem>
      problems;           // a key given twice does not stop the reading, bad syntax does
  bool complete = false;  // false: bad syntax, and root is nothing
};

YamlDocument parse_yaml(const std::string& text);

// "a list", "the text \"x\"", ...: for messages.
std::string describe(const YamlNode& node);

}  // namespace outrigger
