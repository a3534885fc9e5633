#include <outrigger/framework/recipe/value.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace outrigger {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 4> kUnits = {
    {{"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::size_t kMaxTextBytes = 64 * 1024;

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool in_range(const Range& range, double value) {
  if (!std::isfinite(value)) return false;
  return (range.above_min ? value > range.min : value >= range.min) &&
         (range.below_max ? value < range.max : value <= range.max);
}

// Reads one node into one place; wrong() is the whole message.
class Reader {
 public:
  Reader(const Key& key, const YamlNode& node, const std::string& folder)
      : key_(key), node_(node), folder_(folder) {}

  std::string operator()(bool* slot) const {
    if (!plain() || (node_.text != "true" && node_.text != "false")) return wrong();
    *slot = node_.text == "true";
    return "";
  }
  std::string operator()(std::int64_t* slot) const { return number(node_, slot); }
  std::string operator()(double* slot) const { return number(node_, slot); }
  template <class Number>
  std::string operator()(std::optional<Number>* slot) const {
    Number value = 0;
    if (plain() && node_.text == "auto") {
      *slot = std::nullopt;
      return "";
    }
    const std::string problem = number(node_, &value);
    if (problem.empty()) *slot = value;
    return problem;
  }
  std::string operator()(std::array<double, 2>* slot) const {
    std::array<double, 2> values{};
    if (node_.kind != YamlNode::Kind::kList || node_.items.size() != 2) return wrong();
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string problem = number(node_.items[i], &values[i]);
      if (!problem.empty()) return problem;
    }
    *slot = values;
    return "";
  }
  std::string operator()(Duration* slot) const {
    const std::size_t digits =
        std::min(node_.text.find_first_not_of("0123456789"), node_.text.size());
    const auto count = parse_number<std::int64_t>(node_.text.substr(0, digits));
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
      return node_.text.substr(digits) == u.name;
    });
    if (!plain() || !count || unit == kUnits.end()) return wrong();
    const double length_s = static_cast<double>(*count) * static_cast<double>(unit->ms) / 1000;
    if (!in_range(key_.range, length_s)) {
      return wrong(fmt::format("a duration from {} to {} seconds", key_.range.min, key_.range.max));
    }
    *slot = std::chrono::milliseconds(*count * unit->ms);
    return "";
  }
  std::string operator()(std::string* slot) const { return text(node_, slot); }
  std::string operator()(std::vector<std::string>* slot) const {
    std::vector<std::string> values;
    if (node_.kind != YamlNode::Kind::kList) return wrong();
    for (const YamlNode& item : node_.items) {
      const std::string problem = text(item, &values.emplace_back());
      if (!problem.empty()) return problem;
      if (values.back().empty()) return "holds an empty entry; leave it out";
    }
    *slot = values;
    return "";
  }
  std::string operator()(IslandsRecipe* slot) const {
    return key_.form == Form::kIslandCount ? island_count(slot) : islands(slot);
  }

 private:
  bool plain() const { return node_.kind == YamlNode::Kind::kScalar && !node_.quoted; }
  std::string wrong() const { return wrong(node_, type_text(key_)); }
  std::string wrong(const std::string& right) const { return wrong(node_, right); }
  static std::string wrong(const YamlNode& node, const std::string& right) {
    return fmt::format("is {}, but must be {}", describe(node), right);
  }

  template <class Number>
  std::string number(const YamlNode& node, Number* slot) const {
    const auto value = parse_number<Number>(node.text);
    if (node.kind != YamlNode::Kind::kScalar || node.quoted || !value)
      return wrong(node, type_text(key_));
    if (!in_range(key_.range, static_cast<double>(*value))) return wrong(node, type_text(key_));
    *slot = *value;
    return "";
  }

  std::string text(const YamlNode& node, std::string* slot) const {
    if (node.kind != YamlNode::Kind::kScalar) return wrong(node, type_text(key_));
    if (node.text.size() > kMaxTextBytes)
      return fmt::format("is {} bytes long; at most {}", node.text.size(), kMaxTextBytes);
    if (node.text.find('\0') != std::string::npos) return "holds a zero byte";
    if (!key_.choices.empty() &&
        std::find(key_.choices.begin(), key_.choices.end(), node.text) == key_.choices.end()) {
      return wrong(node, type_text(key_));
    }
    if (key_.form == Form::kName && !is_name(node.text)) return wrong(node, type_text(key_));
    if (key_.form == Form::kPath) return path(node.text, slot);
    *slot = node.text;
    return "";
  }

  std::string path(const std::string& text, std::string* slot) const {
    if (text.starts_with('~'))
      return fmt::format("is {}, but ~ is the shell's; write the whole path", text);
    *slot = text.empty() ? "" : (std::filesystem::path(folder_) / text).lexically_normal().string();
    return "";
  }

  static bool is_name(const std::string& text) {
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !text.empty() && text.size() <= 64 && letter(text[0]) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || c == '.' || c == '_' || c == '-'; });
  }

  std::string islands(IslandsRecipe* slot) const {
    IslandsRecipe islands{{}, {}};
    if (node_.kind != YamlNode::Kind::kList || node_.items.empty())
      return wrong("a list of {name: NAME}, or {count: 2}");
    for (const YamlNode& item : node_.items)
      if (const std::string problem = island(item, &islands); !problem.empty()) return problem;
    if (islands.names.size() > kMaxIslands)
      return fmt::format("has {} islands; at most {}", islands.names.size(), kMaxIslands);
    if (!islands.sites.empty() && islands.sites.size() != islands.names.size())
      return "has islands with a site and some without; give every island one, or none";
    *slot = islands;
    return "";
  }

  static std::string island(const YamlNode& item, IslandsRecipe* islands) {
    const bool map = item.kind == YamlNode::Kind::kMap;
    const bool named = map && !item.entries.empty() && item.entries[0].first == "name";
    const bool sited = named && item.entries.size() == 2 && item.entries[1].first == "site";
    if (!named || (item.entries.size() > 1 && !sited))
      return fmt::format(
          "has {} on line {}; an island is {{name: NAME}} or {{name: NAME, site: "
          "NAME}}",
          describe(item), item.line);
    const YamlNode& name = item.entries[0].second;
    const char* const right = "1 to 64 letters, digits, . _ - (a letter or digit first)";
    if (!is_name(name.text)) return "has an island whose name " + wrong(name, right);
    if (std::find(islands->names.begin(), islands->names.end(), name.text) != islands->names.end())
      return fmt::format("has two islands named {}", name.text);
    islands->names.push_back(name.text);
    if (!sited) return "";
    const YamlNode& site = item.entries[1].second;
    if (!is_name(site.text)) return "has an island whose site " + wrong(site, right);
    islands->sites.push_back(site.text);
    return "";
  }

  std::string island_count(IslandsRecipe* slot) const {
    std::int64_t count = 0;
    const std::string problem = number(node_, &count);
    if (!problem.empty()) return problem;
    *slot = {{}, {}};
    for (std::int64_t i = 0; i < count; ++i) slot->names.push_back(fmt::format("island-{}", i));
    return "";
  }

  const Key& key_;
  const YamlNode& node_;
  const std::string& folder_;
};

std::string duration_text(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0) return fmt::format("{}{}", ms / unit.ms, unit.name);
  }
  return fmt::format("{}ms", ms);
}

struct Writer {
  const Key& key;

  std::string operator()(bool* slot) const { return *slot ? "true" : "false"; }
  std::string operator()(std::int64_t* slot) const { return fmt::format("{}", *slot); }
  std::string operator()(double* slot) const { return fmt::format("{}", *slot); }
  std::string operator()(std::string* slot) const { return quote(*slot); }
  std::string operator()(Duration* slot) const { return duration_text(*slot); }
  template <class Number>
  std::string operator()(std::optional<Number>* slot) const {
    return *slot ? fmt::format("{}", **slot) : "auto";
  }
  std::string operator()(std::array<double, 2>* slot) const {
    return fmt::format("[{}, {}]", (*slot)[0], (*slot)[1]);
  }
  std::string operator()(std::vector<std::string>* slot) const {
    std::vector<std::string> parts;
    for (const std::string& text : *slot) parts.push_back(quote(text));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  std::string operator()(IslandsRecipe* slot) const {
    if (key.form == Form::kIslandCount) return fmt::format("{}", slot->names.size());
    std::vector<std::string> parts;
    for (std::size_t k = 0; k < slot->names.size(); ++k) {
      const std::string site =
          slot->sites.empty() ? "" : fmt::format(", site: {}", quote(slot->sites[k]));
      parts.push_back(fmt::format("{{name: {}{}}}", quote(slot->names[k]), site));
    }
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
};

}  // namespace

std::string read_value(const Key& key, const YamlNode& node, const std::string& folder,
                       Recipe& recipe) {
  if (node.kind == YamlNode::Kind::kNull)
    return "has no value; give one or leave the key out: " + type_text(key);
  return std::visit(Reader(key, node, folder), key.slot(recipe));
}

std::string write_value(const Key& key, const Recipe& recipe) {
  Recipe copy = recipe;  // slots point into a recipe that may be written to
  return std::visit(Writer{key}, key.slot(copy));
}

std::string quote(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  };
  const bool unmistakable = !text.empty() && text[0] != '-' && text[0] != '.' && text != "null" &&
                            text != "Null" && text != "NULL" &&
                            std::all_of(text.begin(), text.end(), plain);
  if (unmistakable) return text;
  std::string quoted = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", c);
    } else {
      quoted += static_cast<char>(c);
    }
  }
  return quoted + "\"";
}

}  // namespace outrigger
