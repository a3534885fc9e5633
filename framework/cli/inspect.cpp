#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/checkpoint/checkpoint.h>
#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/locate.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/model/safetensors.h>

namespace outrigger {
namespace {

struct InspectOptions {
  std::string path;
  bool tensors = false;
  bool json = false;
};

using Json = nlohmann::ordered_json;

Json part_json(const Checkpoint& checkpoint, const PartReport& part, bool tensors) {
  Json json = {{"name", part.name}, {"bytes", part.bytes}, {"xxh3", part.hash.hex()}};
  if (!tensors || !part.name.ends_with(".safetensors")) return json;
  const SafetensorsFile file =
      SafetensorsFile::open(checkpoint.part_path(part.name).value_or_throw()).value_or_throw();
  Json list = Json::array();
  for (const auto& [name, entry] : file.entries())
    list.push_back({{"name", name}, {"dtype", c10::toString(entry.dtype)}, {"shape", entry.shape}});
  json["tensors"] = std::move(list);
  return json;
}

std::string as_text(const Json& json) {
  std::string text =
      fmt::format("{}\nstep {}, written by commit {}\n", json["checkpoint"].get<std::string>(),
                  json["step"].get<std::int64_t>(), json["commit"].get<std::string>());
  for (const Json& version : json["state"]["versions"])
    text += fmt::format("fragment {}: {} committed rounds, chain {}\n",
                        version["fragment"].get<std::int64_t>(),
                        version["number"].get<std::int64_t>(), version["chain"].get<std::string>());
  for (const Json& part : json["parts"]) {
    text += fmt::format("{:>12}  {}  {}\n", part["bytes"].get<std::int64_t>(),
                        part["xxh3"].get<std::string>(), part["name"].get<std::string>());
    if (!part.contains("tensors")) continue;
    for (const Json& tensor : part["tensors"])
      text += fmt::format("{:>14}{} {} {}\n", "", tensor["name"].get<std::string>(),
                          tensor["dtype"].get<std::string>(), tensor["shape"].dump());
  }
  return text + "every part is whole: its hash is the manifest's\n";
}

int inspect(const InspectOptions& options) {
  const Located located = locate_checkpoint(options.path).value_or_throw();
  for (const std::string& reason : located.passed_over) print_error("warning: " + reason);
  const Checkpoint& checkpoint = located.checkpoint;
  throw_if_error(verify_checkpoint(checkpoint));
  Json json = {{"checkpoint", checkpoint.path},
               {"step", checkpoint.manifest.step},
               {"commit", checkpoint.manifest.commit},
               {"state", Json::parse(checkpoint.manifest.state.dump())},
               {"parts", Json::array()}};
  for (const PartReport& part : checkpoint.manifest.parts)
    json["parts"].push_back(part_json(checkpoint, part, options.tensors));
  print_out(options.json ? json.dump(2) + "\n" : as_text(json));
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show what a checkpoint holds, and check every byte of it");
  command->group(kLookGroup);
  command->add_option("RUN", options->path, "A run folder, or one checkpoint in it")->required();
  command->add_flag("--tensors", options->tensors, "List every tensor with dtype and shape");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &exit_code] { exit_code = inspect(*options); });
}

}  // namespace outrigger
