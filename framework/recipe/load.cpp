#include <outrigger/framework/recipe/load.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outrigger/framework/recipe/foreign_names.h>
#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/recipe/nearest.h>
#include <outrigger/framework/recipe/problems.h>
#include <outrigger/framework/recipe/value.h>
#include <outrigger/framework/recipe/yaml.h>

namespace outrigger {
namespace {

constexpr std::size_t kMaxFiles = 100;
constexpr std::size_t kMaxFileBytes = 1 << 20;

std::string unknown_key(const std::string& name) {
  if (const ForeignName* foreign = find_foreign_name(name)) {
    if (foreign->ours.empty()) return std::string(foreign->why);
    return fmt::format("is another system's name; here it is `{}`{}{}", foreign->ours,
                       foreign->why.empty() ? "" : ": ", foreign->why);
  }
  const auto meant = nearest_key(name);
  return meant ? fmt::format("is no key of a recipe; did you mean `{}`?", *meant)
               : "is no key of a recipe; `outrigger recipe keys` lists them";
}

std::string join_key(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

// Applies documents to a recipe, in the order in which they win.
class Loader {
 public:
  Loader(const ReadFile& read, std::string folder) : read_(read), folder_(std::move(folder)) {}

  void add_file(const std::string& path, const std::string& said_at) {
    const std::string shown = std::filesystem::path(path).lexically_normal().string();
    const auto again = std::find(chain_.begin(), chain_.end(), shown);
    if (again != chain_.end()) {
      miss(said_at, "include",
           fmt::format("goes round in a circle: {} -> {}", fmt::join(again, chain_.end(), " -> "),
                       shown));
      return;
    }
    if (++files_ > kMaxFiles) {
      if (files_ == kMaxFiles + 1)
        miss(said_at, "include", fmt::format("more than {} files in all", kMaxFiles));
      return;
    }
    const Result<std::string> text = read_(shown);
    if (!text.ok()) {
      miss(said_at, said_at.empty() ? "" : "include", text.status().message());
      return;
    }
    chain_.push_back(shown);
    add_document(parse_yaml(*text), shown);
    chain_.pop_back();
  }

  void add_override(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems_.error(
          kCommandLine, "",
          fmt::format("\"{}\" is no override; write key=value, such as sync.every=20", argument));
      return;
    }
    const std::string key = argument.substr(0, equals);
    const YamlDocument value = parse_override(key, argument.substr(equals + 1));
    for (const YamlProblem& problem : value.problems)
      problems_.error(kCommandLine, key, problem.what);
    if (!value.complete) problems_.bad_keys.insert(key);
    if (!value.problems.empty()) return;
    if (key == "include") {
      problems_.error(kCommandLine, key, "belongs into a recipe's file");
      return;
    }
    add_value(key, value.root, {Source::Kind::kCommandLine, "", 0}, folder_);
  }

  LoadedRecipe loaded_;
  Problems problems_;

 private:
  static constexpr const char* kCommandLine = "command line";

  // Free text is taken as it stands, for it may hold what means something in YAML (": ", " #",
  // nothing at all).
  static YamlDocument parse_override(const std::string& key, const std::string& text) {
    Recipe example;
    const Key* found = find_key(key);
    const bool free_text =
        found != nullptr && std::holds_alternative<std::string*>(found->slot(example));
    if (!free_text || text.starts_with('"') || text.starts_with('\'')) return parse_yaml(text);
    YamlDocument document;
    document.root.kind = YamlNode::Kind::kScalar;
    document.root.text = text;
    document.complete = true;
    return document;
  }

  void add_document(const YamlDocument& document, const std::string& file) {
    for (const YamlProblem& problem : document.problems) {
      problems_.error(fmt::format("{}:{}", file, problem.line), problem.key, problem.what);
      problems_.bad_keys.insert(problem.key);
    }
    problems_.whole &= document.complete;
    if (!document.complete) return;
    const YamlNode& root = document.root;
    if (root.kind == YamlNode::Kind::kNull) {
      problems_.error(
          file + ":1", "",
          "is empty; a recipe says at least which data to train on, such as `data: {corpus: kjv}`");
      return;
    }
    if (root.kind != YamlNode::Kind::kMap) {
      problems_.error(
          fmt::format("{}:{}", file, root.line), "",
          fmt::format("holds {}, but a recipe is a group of keys, such as `name: first-try`",
                      describe(root)));
      return;
    }
    for (const auto& [key, node] : root.entries) {
      if (key == "include") add_includes(node, file);
    }
    set_here_.clear();
    const std::string base =
        (std::filesystem::path(folder_) / std::filesystem::path(file).parent_path()).string();
    for (const auto& [key, node] : root.entries) {
      if (key != "include") add_value(key, node, {Source::Kind::kFile, file, 0}, base);
    }
  }

  // An error after which a part of the recipe is not there.
  void miss(const std::string& where, const std::string& key, const std::string& what) {
    problems_.error(where, key, what);
    problems_.whole = false;
  }

  void add_includes(const YamlNode& node, const std::string& file) {
    const std::vector<YamlNode> items =
        node.kind == YamlNode::Kind::kList ? node.items : std::vector<YamlNode>{node};
    for (const YamlNode& item : items) {
      const std::string where = fmt::format("{}:{}", file, item.line);
      if (item.kind != YamlNode::Kind::kScalar || item.text.empty()) {
        problems_.error(
            where, "include",
            fmt::format("is {}, but must be a path or a list of paths", describe(item)));
        continue;
      }
      add_file((std::filesystem::path(file).parent_path() / item.text).string(), where);
    }
  }

  void add_value(const std::string& name, const YamlNode& node, Source source,
                 const std::string& base) {
    source.line = node.line;
    const Key* key = find_key(name);
    const bool section = is_section(name);
    if (section && node.kind == YamlNode::Kind::kMap) {
      for (const auto& [child, value] : node.entries)
        add_value(join_key(name, child), value, source, base);
    } else if (key != nullptr) {
      set(*key, node, source, base);
    } else if (section) {
      problems_.error(
          to_string(source), name,
          fmt::format("is {}, but must be a group of keys; {}", describe(node), example_of(name)));
    } else {
      refuse(name, node, source);
    }
  }

  void set(const Key& key, const YamlNode& node, const Source& source, const std::string& base) {
    const std::string name(key.form == Form::kIslandCount ? "islands" : key.name);
    if (source.kind == Source::Kind::kFile) {
      const auto [earlier, first] = set_here_.emplace(name, source.line);
      if (!first) {
        problems_.error(to_string(source), std::string(key.name),
                        fmt::format("given twice, first on line {}; keep one", earlier->second));
        return;
      }
    }
    const std::string problem = read_value(key, node, base, loaded_.recipe);
    if (!problem.empty()) {
      problems_.error(to_string(source), std::string(key.name), problem);
      problems_.bad_keys.insert(name);
      return;
    }
    loaded_.sources[name] = source;
  }

  // A group that nobody knows may hold names that somebody knows: `hv: {local_steps: 500}`.
  void refuse(const std::string& name, const YamlNode& node, Source source) {
    bool named_inside = false;
    for (const auto& [child, value] : node.entries) {
      const std::string full = join_key(name, child);
      if (find_foreign_name(full) == nullptr) continue;
      named_inside = true;
      refuse(full, value, {source.kind, source.file, value.line});
    }
    if (!named_inside) problems_.error(to_string(source), name, unknown_key(name));
  }

  static std::string example_of(const std::string& section) {
    for (const Key& key : recipe_keys()) {
      if (!key.name.starts_with(section + ".")) continue;
      return fmt::format("`{}` is one of its keys", key.name);
    }
    return "";
  }

  const ReadFile& read_;
  const std::string folder_;
  std::vector<std::string>
      chain_;  // the files that are being read, each included by the one before
  std::map<std::string, int> set_here_;  // the keys of the current file, with their lines
  std::size_t files_ = 0;
};

Result<std::string> read_whole_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Status(Code::kNotFound, fmt::format("{}: no such file", path));
  if (fs::is_directory(status))
    return Status(Code::kInvalidArgument,
                  fmt::format("{} is a folder; name the recipe's file", path));
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return Status(Code::kPermissionDenied,
                  fmt::format("{} cannot be read; check its permissions", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes)
    return Status(Code::kInvalidArgument,
                  fmt::format("{} is larger than 1 MiB; is it a recipe?", path));
  return text;
}

}  // namespace

std::string to_string(const Source& source) {
  switch (source.kind) {
    case Source::Kind::kFile:
      return fmt::format("{}:{}", source.file, source.line);
    case Source::Kind::kCommandLine:
      return "command line";
    case Source::Kind::kDerived:
      return "from " + source.file;
    case Source::Kind::kDefault:
      break;
  }
  return "default";
}

void Problems::error(const std::string& where, const std::string& key, const std::string& what) {
  errors.push_back(fmt::format("{}{}{}{}{}", where, where.empty() ? "" : ": ", key,
                               key.empty() ? "" : ": ", what));
}

Result<LoadedRecipe> load_recipe(const std::string& path, const std::vector<std::string>& overrides,
                                 const ReadFile& read, const std::string& folder) {
  Loader loader(read, folder);
  loader.loaded_.path = path;
  loader.add_file(path, "");
  for (const std::string& argument : overrides) loader.add_override(argument);
  if (loader.problems_.whole) check_recipe(loader.loaded_, loader.problems_);
  if (!loader.problems_.errors.empty()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{}", fmt::join(loader.problems_.errors, "\n")));
  }
  loader.loaded_.warnings = loader.problems_.warnings;
  return loader.loaded_;
}

Result<LoadedRecipe> load_recipe(const std::string& path,
                                 const std::vector<std::string>& overrides) {
  return load_recipe(path, overrides, read_whole_file, std::filesystem::current_path().string());
}

}  // namespace outrigger
