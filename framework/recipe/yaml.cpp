#include <outrigger/framework/recipe/yaml.h>

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace outrigger {
namespace {

// Builds the tree from yaml-cpp's events. Its own Node would keep the last of two equal keys and
// say nothing.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& text, YamlDocument& document) : text_(text), document_(document) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    add(mark, node(YamlNode::Kind::kNull, mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (anchor != 0) refuse_anchor(mark);
    YamlNode scalar = node(YamlNode::Kind::kScalar, mark);
    scalar.text = value;
    scalar.quoted = tag == "!";
    if (scalar.quoted && !is_closed(mark)) {
      throw YAML::ParserException(mark, "the quote that opens here is never closed");
    }
    if (awaits_key()) {
      open_.back().key = value;
      open_.back().key_line = mark.line + 1;
      open_.back().has_key = true;
    } else {
      add(mark, std::move(scalar));
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::kList);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::kMap);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::Mark mark;
    std::string key;
    int key_line = 0;
    bool has_key = false;
  };

  [[noreturn]] static void refuse_anchor(const YAML::Mark& mark) {
    throw YAML::ParserException(
        mark, "anchors and aliases are not for recipes; `include:` shares values");
  }
  // yaml-cpp lets an open quote run to the end of the file, and every key in between is gone.
  bool is_closed(const YAML::Mark& mark) const {
    const auto start = static_cast<std::size_t>(std::max(0, mark.pos));
    const char quote = start < text_.size() ? text_[start] : 'x';
    if (quote != '"' && quote != '\'') return true;  // a tag marked it as text
    for (std::size_t at = start + 1; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '"' || text_[at + 1] != quote) return true;
        ++at;
      }
    }
    return false;
  }
  static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode made;
    made.kind = kind;
    made.line = mark.line + 1;
    return made;
  }
  bool awaits_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::kMap &&
           !open_.back().has_key;
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (anchor != 0) refuse_anchor(mark);
    if (awaits_key()) throw YAML::ParserException(mark, "a key must be plain text");
    open_.push_back({node(kind, mark), mark, {}, 0, false});
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(done.mark, std::move(done.node));
  }
  void add(const YAML::Mark& mark, YamlNode child) {
    if (open_.empty()) {
      document_.root = std::move(child);
      return;
    }
    if (awaits_key()) throw YAML::ParserException(mark, "a key must be plain text");
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(child));
      return;
    }
    parent.has_key = false;
    child.line = parent.key_line;
    for (const auto& [key, earlier] : parent.node.entries) {
      if (key != parent.key) continue;
      document_.problems.push_back(
          {child.line, path(),
           fmt::format("given twice, first on line {}; keep one", earlier.line)});
      return;
    }
    parent.node.entries.emplace_back(parent.key, std::move(child));
  }
  std::string path() const {
    std::string dotted;
    for (const Open& level : open_) {
      if (level.node.kind != YamlNode::Kind::kMap) continue;
      dotted += (dotted.empty() ? "" : ".") + level.key;
    }
    return dotted;
  }

  const std::string& text_;
  YamlDocument& document_;
  std::vector<Open> open_;
};

// yaml-cpp's words for a tab do not help; the line number alone may be that of the next line.
int first_tab_indented_line(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string::npos && line.find('\t') < first) return number;
  }
  return 0;
}

}  // namespace

YamlDocument parse_yaml(const std::string& text) {
  YamlDocument document;
  if (text.find('\0') != std::string::npos) {
    document.problems.push_back(
        {1, "", "holds a zero byte, so it is no YAML text; is it the right file?"});
    return document;
  }
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder(text, document);
    parser.HandleNextDocument(builder);
    YamlDocument second;
    TreeBuilder second_builder(text, second);
    if (parser.HandleNextDocument(second_builder)) {
      document.problems.push_back(
          {second.root.line, "", "a second document (after ---); a recipe is one"});
    }
    document.complete = true;
  } catch (const YAML::Exception& error) {
    const int tab = first_tab_indented_line(text);
    if (tab > 0) {
      document.problems.push_back({tab, "", "indented with a tab; YAML takes spaces only"});
    } else {
      document.problems.push_back({std::max(0, error.mark.line) + 1, "", "bad YAML: " + error.msg});
    }
  }
  return document;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a group of keys";
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.text.size() > 60) return fmt::format("\"{}...\"", node.text.substr(0, 60));
  return node.quoted ? fmt::format("the text \"{}\"", node.text) : fmt::format("{}", node.text);
}

}  // namespace outrigger
