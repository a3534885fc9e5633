#include <outrigger/framework/cli/link_report.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr Duration kPatience = std::chrono::seconds(2);
constexpr double kMbit = 1e6 / 8;

struct Candidate {
  fs::file_time_type written;
  std::string run, address;
};

// Where the coordinators of these runs listen or last did, the newest first.
std::vector<Candidate> candidates(const std::string& runs_folder) {
  std::vector<Candidate> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(runs_folder, error)) {
    Candidate candidate;
    candidate.run = entry.path().filename().string();
    candidate.written = fs::last_write_time(entry.path() / "coordinator", error);
    if (error) continue;
    std::ifstream file(entry.path() / "coordinator");
    if (std::getline(file, candidate.address)) all.push_back(std::move(candidate));
  }
  std::ranges::sort(all, std::greater(), &Candidate::written);
  return all;
}

const LinkFigures* find(const LinkTable& table, std::size_t from, std::size_t to) {
  const auto found = std::ranges::find_if(
      table.links, [&](const LinkFigures& link) { return link.from == from && link.to == to; });
  return found == table.links.end() ? nullptr : &*found;
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
  std::vector<std::vector<std::string>> rows(1, {"from \\ to"});
  for (const std::string& island : table.islands) rows[0].push_back(printable(island));
  for (std::size_t from = 0; from < count; ++from) {
    std::vector<std::string>& row = rows.emplace_back();
    row.push_back(rows[0][from + 1]);
    for (std::size_t to = 0; to < count; ++to) row.push_back(cell(find(table, from, to)));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      std::size_t width = 0;
      for (const auto& other : rows) width = std::max(width, other[column].size());
      text += column == 0 ? fmt::format("{:<{}}", row[column], width)
                          : fmt::format("  {:>{}}", row[column], width);
    }
    text += "\n";
  }
  return text;
}

Json figures_json(const LinkTable& table, std::size_t from, std::size_t to) {
  Json json = {{"from", table.islands[from]},
               {"to", table.islands[to]},
               {"round_trip_ms", nullptr},
               {"round_trip_age_s", nullptr},
               {"mbit_per_s", nullptr},
               {"source", nullptr},
               {"age_s", nullptr}};
  const LinkFigures* link = find(table, from, to);
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
  std::string why = "no run is noted there";
  for (const Candidate& candidate : candidates(runs_folder)) {
    const bool newest = why.starts_with("no run is");
    Result<LinkTable> table = ask_links(candidate.address, insecure, kPatience);
    if (table.ok() && table->job == candidate.run)
      return KnownLinks{candidate.address, std::move(*table)};
    if (newest)
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
      "itself, a round keeps all busy at once)\n{}",
      printable(table.job), known.address, matrix(table, round_trip_cell),
      matrix(table, rate_cell));
}

std::string links_json(const KnownLinks& known) {
  const LinkTable& table = known.table;
  Json links = Json::array();
  for (std::size_t from = 0; from < table.islands.size(); ++from)
    for (std::size_t to = 0; to < table.islands.size(); ++to)
      if (from != to) links.push_back(figures_json(table, from, to));
  const Json json = {
      {"job", table.job}, {"address", known.address}, {"islands", table.islands}, {"links", links}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace outrigger
