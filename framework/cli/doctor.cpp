#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/cli/checkup.h>
#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {
namespace {

const char* state_word(Finding::State state) {
  switch (state) {
    case Finding::State::kOk:
      return "ok";
    case Finding::State::kNote:
      return "note";
    case Finding::State::kMissing:
      break;
  }
  return "missing";
}

std::string as_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"name", finding.name},
                    {"state", state_word(finding.state)},
                    {"found", finding.found},
                    {"advice", finding.advice}});
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string as_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text +=
        fmt::format("{:<8} {:<11} {}\n", state_word(finding.state), finding.name, finding.found);
    if (!finding.advice.empty()) text += fmt::format("{:<21}-> {}\n", "", finding.advice);
  }
  return text;
}

int doctor(bool json) {
  const std::vector<Finding> findings = check_machine("runs");
  const bool missing = std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
    return f.state == Finding::State::kMissing;
  });
  print_out(json ? as_json(findings) : as_text(findings));
  return missing ? kExitMachineLacks : kExitDone;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand(
      "doctor", "Say what this machine has and lacks; exits with 3 if jobs cannot run");
  command->group(kLookGroup);
  command->add_flag("--json", *json, "Print JSON");
  command->callback([json, &exit_code] { exit_code = doctor(*json); });
}

}  // namespace outrigger
