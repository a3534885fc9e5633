#include <outrigger/framework/cli/link_report.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include <outrigger/framework/launch/run_folder.h>
#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr Duration kPatience = std::chrono::seconds(2);
constexpr std::size_t kNewest = 8;  // that are asked
constexpr double kMbit = 1e6 / 8;

struct Candidate {
  fs::file_time_type written;
  std::string run, address;
};

// Where the coordinators of the newest of these runs listen or last did, the newest first.
std::vector<Candidate> candidates(const std::string& runs_folder) {
  std::vector<Candidate> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(runs_folder, error)) {
    Candidate candidate;
    candidate.run = entry.path().filename().string();
    const fs::path noted = entry.path() / RunFolder::kCoordinator;
    candidate.written = fs::last_write_time(noted, error);
    if (error) continue;
    std::ifstream file(noted);
    if (std::getline(file, candidate.address)) all.push_back(std::move(candidate));
  }
  std::ranges::sort(all, std::greater(), &Candidate::written);
  all.resize(std::min(all.size(), kNewest));
  return all;
}

// The figures of each pair, row by row; nullptr where nothing is known.
using Pairs = std::vector<const LinkFigures*>;

Pairs pairs_of(const LinkTable& table) {
  const std::size_t count = table.islands.size();
  Pairs pairs(count * count, nullptr);
  for (const LinkFigures& link : table.links) pairs[link.from * count + link.to] = &link;
  return pairs;
}

const char* source_of(const LinkFigures& link) {
  return link.from_round ? "round" : "probe";
}

std::string round_trip_cell(const LinkFigures* link) {
  if (link == nullptr || !(link->round_trip_s > 0)) return "-";
  return fmt::format("{} probe {}", human_number(1e3 * link->round_trip_s),
                     human_eta(link->round_trip_age_s));
}

std::string rate_cell(const LinkFigures* link) {
  if (link == nullptr || !(link->bytes_per_s > 0)) return "-";
  return fmt::format("{} {} {}", human_number(link->bytes_per_s / kMbit), source_of(*link),
                     human_eta(link->rate_age_s));
}

using Cell = std::string (*)(const LinkFigures*);

std::string matrix(const LinkTable& table, Cell cell) {
  const std::size_t count = table.islands.size();
  const Pairs pairs = pairs_of(table);
  std::vector<std::vector<std::string>> rows(1, {"from \\ to"});
  for (const std::string& island : table.islands) rows[0].push_back(printable(island));
  for (std::size_t from = 0; from < count; ++from) {
    std::vector<std::string>& row = rows.emplace_back();
    row.push_back(rows[0][from + 1]);
    for (std::size_t to = 0; to < count; ++to) row.push_back(cell(pairs[from * count + to]));
  }
  std::vector<std::size_t> widths(count + 1, 0);
  for (const auto& row : rows)
    for (std::size_t column = 0; column <= count; ++column)
      widths[column] = std::max(widths[column], row[column].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t column = 0; column <= count; ++column)
      text += column == 0 ? fmt::format("{:<{}}", row[column], widths[column])
                          : fmt::format("  {:>{}}", row[column], widths[column]);
    text += "\n";
  }
  return text;
}

constexpr const char* kUnknownRates =
    "-: not known. Over nccl, and beside a round, no probe tells a rate; rounds do, if they take "
    "several messages.\n";

bool all_rates_known(const LinkTable& table) {
  const auto known = std::ranges::count_if(
      table.links, [](const LinkFigures& link) { return link.bytes_per_s > 0; });
  const std::size_t count = table.islands.size();
  return static_cast<std::size_t>(known) == count * (count - 1);
}

Json figures_json(const LinkTable& table, std::size_t from, std::size_t to,
                  const LinkFigures* link) {
  Json json = {{"from", table.islands[from]},
               {"to", table.islands[to]},
               {"round_trip_ms", nullptr},
               {"round_trip_age_s", nullptr},
               {"mbit_per_s", nullptr},
               {"source", nullptr},
               {"age_s", nullptr}};
  if (link != nullptr && link->round_trip_s > 0) {
    json["round_trip_ms"] = 1e3 * link->round_trip_s;
    json["round_trip_age_s"] = link->round_trip_age_s;
  }
  if (link != nullptr && link->bytes_per_s > 0) {
    json["mbit_per_s"] = link->bytes_per_s / kMbit;
    json["source"] = source_of(*link);
    json["age_s"] = link->rate_age_s;
  }
  return json;
}

}  // namespace

Result<KnownLinks> find_links(const std::string& runs_folder, bool insecure) {
  const std::vector<Candidate> runs = candidates(runs_folder);
  std::vector<std::future<Result<LinkTable>>> answers;
  for (const Candidate& run : runs)
    answers.push_back(std::async(std::launch::async, [&run, insecure] {
      return ask_links(run.address, insecure, kPatience);
    }));
  std::string why = "no run is noted there";
  for (std::size_t k = 0; k < runs.size(); ++k) {
    const Candidate& candidate = runs[k];
    Result<LinkTable> table = answers[k].get();
    if (table.ok() && table->job == candidate.run)
      return KnownLinks{candidate.address, std::move(*table)};
    if (table.status().code() == Code::kInvalidArgument)
      return table.status().with_context("run " + candidate.run);
    if (k == 0)
      why = fmt::format("of the newest, {}, {}", candidate.run,
                        table.ok() ? fmt::format("the port has gone to job {}", table->job)
                                   : table.status().message());
  }
  return Status(Code::kNotFound,
                fmt::format("no job of {} is running: {}. A coordinator elsewhere is asked by its "
                            "address: outrigger doctor --peers HOST:PORT",
                            runs_folder, why));
}

std::string links_text(const KnownLinks& known) {
  const LinkTable& table = known.table;
  return fmt::format(
      "job {} at {}\n\nround trip, ms\n{}\nrate, Mbit/s of payload (a probe has the link to "
      "itself, a round keeps all busy at once)\n{}{}",
      printable(table.job), known.address, matrix(table, round_trip_cell), matrix(table, rate_cell),
      all_rates_known(table) ? "" : kUnknownRates);
}

std::string links_json(const KnownLinks& known) {
  const LinkTable& table = known.table;
  const std::size_t count = table.islands.size();
  const Pairs pairs = pairs_of(table);
  Json links = Json::array();
  for (std::size_t from = 0; from < count; ++from)
    for (std::size_t to = 0; to < count; ++to)
      if (from != to) links.push_back(figures_json(table, from, to, pairs[from * count + to]));
  const Json json = {
      {"job", table.job}, {"address", known.address}, {"islands", table.islands}, {"links", links}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace outrigger
