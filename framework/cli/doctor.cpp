#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/cli/checkup.h>
#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/link_report.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {
namespace {

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

int doctor(bool json) {
  const std::vector<Finding> findings = check_machine("runs");
  const bool missing = std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
    return f.state == Finding::State::kMissing;
  });
  print_out(json ? as_json(findings) : findings_text(findings));
  return missing ? kExitMachineLacks : kExitDone;
}

struct DoctorOptions {
  bool json = false;
  std::string coordinator;  // of --peers; empty: of the newest run in `runs` that answers
  std::string runs = "runs";
  bool insecure = false;
};

int doctor_of_peers(const DoctorOptions& options) {
  const Result<KnownLinks> known = [&]() -> Result<KnownLinks> {
    if (options.coordinator.empty()) return find_links(options.runs, options.insecure);
    Result<LinkTable> table = ask_links(options.coordinator, options.insecure);
    if (!table.ok()) return table.status();
    return KnownLinks{options.coordinator, std::move(*table)};
  }();
  if (!known.ok()) {
    print_error("doctor --peers: " + known.status().message());
    return exit_code_of(known.status().code());
  }
  print_out(options.json ? links_json(*known) : links_text(*known));
  return kExitDone;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand("doctor",
                                         "Say what this machine has and lacks (exits with 3 if "
                                         "jobs cannot run), or, with --peers, how "
                                         "the links between a running job's islands do");
  command->group(kLookGroup);
  command->add_flag("--json", options->json, "Print JSON");
  CLI::Option* peers =
      command
          ->add_option("--peers", options->coordinator,
                       "Print round trips and rates between a running job's islands instead, as "
                       "its coordinator at HOST:PORT knows them; without it that of the newest run")
          ->type_name("[HOST:PORT]")
          ->expected(0, 1);
  command->add_option("--runs", options->runs, "Where that run's folder is")
      ->capture_default_str()
      ->needs(peers);
  command
      ->add_flag("--insecure", options->insecure, "Allow --peers off loopback, without encryption")
      ->needs(peers);
  command->footer(
      "Examples:\n"
      "  outrigger doctor\n"
      "  outrigger doctor --peers\n"
      "  outrigger doctor --peers 127.0.0.1:7077 --json");
  command->callback([options, peers, &exit_code] {
    exit_code = peers->count() > 0 ? doctor_of_peers(*options) : doctor(options->json);
  });
}

}  // namespace outrigger
