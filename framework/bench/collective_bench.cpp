#include <outrigger/framework/bench/collective_bench.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/member_processes.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

// What member 0 prints next, as JSON.
Result<Json> next_json(MemberProcesses& members) {
  const auto line = members.read_line();
  if (!line.ok()) return line.status();
  Json json = *line ? Json::parse(**line, nullptr, false) : Json();
  if (json.is_object()) return json;
  if (Status status = members.wait(); !status.ok()) return status;
  return Status(Code::kInternal, "member 0 ended without a report");
}

Result<Json> run_group(const CollectiveBenchOptions& options, std::size_t members) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  MemberProcesses group;
  MemberPlace place{0, members, "127.0.0.1:0"};
  const auto start = [&] {
    std::vector<std::string> argv = member_arguments(options, place);
    argv.insert(argv.begin(), program);
    return group.start(fmt::format("member {} of {}", place.member, members), std::move(argv));
  };
  if (Status status = start(); !status.ok()) return status;
  const Result<Json> met = next_json(group);
  if (!met.ok()) return met.status();
  place.meet = met->value("meet", "");
  for (place.member = 1; place.member < members; ++place.member)
    if (Status status = start(); !status.ok()) return status;
  Result<Json> report = next_json(group);
  if (!report.ok()) return report;
  if (Status status = group.wait(); !status.ok()) return status;
  return report;
}

template <class Value>
void add_list(std::vector<std::string>& words, const char* option,
              const std::vector<Value>& values) {
  if (values.empty()) return;
  words.push_back(option);
  words.push_back(fmt::format("{}", fmt::join(values, ",")));
}

}  // namespace

std::vector<std::string> member_arguments(const CollectiveBenchOptions& options,
                                          const MemberPlace& place) {
  const auto none_is_zero = [](const std::vector<double>& sizes) {
    return sizes.empty() ? std::vector<double>{0} : sizes;
  };
  std::vector<std::string> words = {"bench",          "collective",
                                    "--member",       std::to_string(place.member),
                                    "--of",           std::to_string(place.members),
                                    "--meet",         place.meet,
                                    "--listen",       options.wire.listen,
                                    "--transport",    options.wire.transport,
                                    "--channels",     std::to_string(options.wire.channels),
                                    "--result-codec", options.result_codec,
                                    "--threads",      std::to_string(options.threads),
                                    "--repeat",       std::to_string(options.repeats)};
  add_list(words, "--mb", none_is_zero(options.mb));
  add_list(words, "--payload-mb", none_is_zero(options.payload_mb));
  add_list(words, "--payload-connections", options.payload_connections);
  add_list(words, "--collectives", options.collectives);
  add_list(words, "--codecs", options.codecs);
  add_list(words, "--owners", options.owners);
  if (options.wire.insecure) words.push_back("--insecure");
  return words;
}

Result<Json> run_collective_bench(const CollectiveBenchOptions& options) {
  const std::size_t most = options.members.empty() ? 0 : std::ranges::max(options.members);
  if (Status status = check_collective_bench(options, most); !status.ok()) return status;
  Json report;
  CollectiveBenchOptions group = options;
  for (const std::size_t members : options.members) {
    Result<Json> measured = run_group(group, members);
    if (!measured.ok()) return measured;
    if (report.is_null()) {
      report = std::move(*measured);
    } else {
      for (Json& row : measured->at("rows")) report["rows"].push_back(std::move(row));
    }
    group.payload_mb.clear();  // once is enough
  }
  return report;
}

}  // namespace outrigger
