#include <outrigger/framework/trainer/schedule_text.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include <outrigger/framework/metrics/human.h>
#include <outrigger/framework/trainer/recipe_options.h>

namespace outrigger {
namespace {

struct Row {
  std::uint64_t step = 0;  // within the cycle, 1 to H
  Boundary boundary;
  std::uint64_t bytes = 0;  // of what is launched
};

// The third cycle: by then every launch has its apply.
std::vector<Row> cycle(const Recipe& recipe, const Arithmetic& sums) {
  const Timetable timetable = timetable_of(diloco_options(recipe));
  const auto every = static_cast<std::uint64_t>(recipe.sync.every);
  std::vector<Row> rows;
  for (std::uint64_t step = 1; step <= every; ++step) {
    Row row{step, timetable.at(2 * every + step), 0};
    for (const std::uint32_t p : row.boundary.launches)
      row.bytes += sums.fragments[p].bytes_per_round;
    if (!row.boundary.launches.empty() || !row.boundary.applies.empty()) rows.push_back(row);
  }
  return rows;
}

std::string merging(const SyncRecipe& sync) {
  if (sync.eager) return "eager: an island's own part at once";
  if (sync.merge == "carry") return "what an island learnt since the launch is carried over";
  if (sync.alpha == 0) return "the islands take the global parameters";
  return fmt::format("mixed, {} of the island's own parameters", sync.alpha);
}

std::string list(const std::vector<std::uint32_t>& fragments) {
  return fragments.empty() ? "-" : fmt::format("{}", fmt::join(fragments, " "));
}

}  // namespace

std::string schedule_text(const Recipe& recipe, const Arithmetic& sums) {
  const SyncRecipe& sync = recipe.sync;
  const std::vector<Row> rows = cycle(recipe, sums);
  std::string text = fmt::format(
      "A cycle is {} inner steps. Each of {} fragment{} is launched once and applied {} steps "
      "later; "
      "{}.\n\n",
      sync.every, sums.fragments.size(), sums.fragments.size() == 1 ? "" : "s", sync.delay,
      merging(sync));
  text += fmt::format("{:>8}  {:>10}  {:>16}\n", "fragment", "parameters", "sent by an island");
  for (std::size_t p = 0; p < sums.fragments.size(); ++p)
    text += fmt::format("{:>8}  {:>10}  {:>16}\n", p, sums.fragments[p].elements,
                        human_bytes(sums.fragments[p].bytes_per_round));
  text +=
      fmt::format("\n{:>10}  {:>10}  {:>10}  {:>10}\n", "after step", "launch", "apply", "sent");
  for (const Row& row : rows)
    text += fmt::format("{:>10}  {:>10}  {:>10}  {:>10}\n", fmt::format("kH+{}", row.step),
                        list(row.boundary.launches), list(row.boundary.applies),
                        row.bytes == 0 ? "-" : human_bytes(row.bytes));
  std::uint64_t all = 0, peak = 0;
  for (const Row& row : rows) {
    all += row.bytes;
    peak = std::max(peak, row.bytes);
  }
  return text +
         fmt::format("\nA cycle sends {}, at most {} at one step. In {} steps: {} rounds, {}.\n",
                     human_bytes(all), human_bytes(peak), recipe.train.steps, sums.rounds(),
                     human_bytes(sums.bytes()));
}

std::string schedule_json(const Recipe& recipe, const Arithmetic& sums) {
  nlohmann::json fragments = nlohmann::json::array(), steps = nlohmann::json::array();
  for (const Arithmetic::Fragment& fragment : sums.fragments)
    fragments.push_back({{"parameters", fragment.elements},
                         {"rounds", fragment.rounds},
                         {"bytes_per_round", fragment.bytes_per_round}});
  for (const Row& row : cycle(recipe, sums))
    steps.push_back({{"step", row.step},
                     {"launch", row.boundary.launches},
                     {"apply", row.boundary.applies},
                     {"bytes", row.bytes}});
  const nlohmann::json json = {{"every", recipe.sync.every}, {"delay", recipe.sync.delay},
                               {"fragments", fragments},     {"cycle", steps},
                               {"rounds", sums.rounds()},    {"bytes", sums.bytes()}};
  return json.dump(2) + "\n";
}

}  // namespace outrigger
