#include <outrigger/framework/cli/usage.h>

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <outrigger/framework/recipe/nearest.h>

namespace outrigger {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string unknown(const std::string& command, const char* kind, const std::string& word,
                    const std::vector<std::string>& known) {
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const auto meant = nearest(word, candidates);
  return fmt::format("{}: there is no {} `{}`{}; see `{} --help`", command, kind, word,
                     meant ? fmt::format("; did you mean `{}`?", *meant) : "", command);
}

}  // namespace

std::string explain_usage_error(const CLI::App& app, const std::vector<std::string>& arguments,
                                const CLI::ParseError& error) {
  const CLI::App* at = &app;
  std::string command = app.get_name();
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() > 1 && argument[0] == '-') {
      const std::string name = argument.substr(0, argument.find('='));
      const std::vector<std::string> known = options_of(*at);
      if (std::find(known.begin(), known.end(), name) == known.end())
        return unknown(command, "option", name, known);
      continue;
    }
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* candidate : commands_of(*at)) {
      names.push_back(candidate->get_name());
      if (candidate->get_name() == argument) next = candidate;
    }
    if (names.empty()) continue;  // an argument, not a command
    if (next == nullptr) return unknown(command, "command", argument, names);
    at = next;
    command += " " + argument;
  }
  if (!commands_of(*at).empty())
    return fmt::format("{}: a command is missing; see `{} --help`", command, command);
  return fmt::format("{}: {}; see `{} --help`", command, error.what(), command);
}

}  // namespace outrigger
