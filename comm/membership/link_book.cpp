#include <outrigger/comm/membership/link_book.h>

#include <algorithm>
#include <cmath>

namespace outrigger {
namespace {

constexpr double kNoticeable_s = 0.1;
constexpr double kWorthwhile = 0.9;
// Faster than any link, so that a time of 0 is no rate without end.
constexpr double kLeastSecondsPerByte = 1e-12;
// No answer of a probe is quicker: else a time of 0 would make its link the fastest by far.
constexpr double kShortestAnswer_s = 1e-3;
// No probe waits for longer.
constexpr double kLongestRoundTrip_s = 60;

bool is_rate(std::uint64_t bytes, double seconds) {
  return bytes > 0 && std::isfinite(seconds) && seconds >= 0;
}

double time_of(std::uint64_t bytes, double seconds) {
  return std::max(seconds, kLeastSecondsPerByte * static_cast<double>(bytes));
}

bool worth_changing(double present_s, double planned_s) {
  return present_s >= kNoticeable_s && planned_s < kWorthwhile * present_s;
}

}  // namespace

LinkBook::LinkBook(std::size_t islands) : islands_(islands), links_(islands * islands) {}

void LinkBook::measured(std::uint32_t island, std::span<const LinkUse> links, TimePoint at) {
  for (const LinkUse& use : links) {
    const std::uint32_t from = use.peer.island;
    const bool sound = island < islands_ && from < islands_ && from != island;
    if (!sound || !is_rate(use.bytes, use.busy_s)) continue;
    Rate& rate = link(from, island).round;
    const double bytes = static_cast<double>(use.bytes);
    const double seconds = time_of(use.bytes, use.busy_s);
    const bool first = !rate.known();
    rate.bytes = first ? bytes : (rate.bytes + bytes) / 2;
    rate.seconds = first ? seconds : (rate.seconds + seconds) / 2;
    rate.at = at;
  }
}

void LinkBook::probed(std::uint32_t island, const LinkProbe& probe, TimePoint at) {
  const std::uint32_t peer = probe.peer.island;
  if (island >= islands_ || peer >= islands_ || peer == island) return;
  if (is_rate(probe.bytes, probe.busy_s) && probe.bytes <= RateProbe::kLargest)
    link(peer, island).probe = {static_cast<double>(probe.bytes),
                                std::max(probe.busy_s, kShortestAnswer_s), at};
  const double round_trip_s = probe.round_trip_s;
  const bool sound =
      std::isfinite(round_trip_s) && round_trip_s > 0 && round_trip_s <= kLongestRoundTrip_s;
  if (!sound) return;
  for (Link* way : {&link(peer, island), &link(island, peer)}) {
    way->round_trip_s = round_trip_s;
    way->round_trip_at = at;
  }
}

bool LinkBook::all(std::span<const std::uint32_t> islands, bool (*has)(const Link&)) const {
  for (const std::uint32_t from : islands)
    for (const std::uint32_t to : islands)
      if (from != to && !has(link(from, to))) return false;
  return true;
}

// In a round that uses all its links they are busy at once, so their sum is what an island carried.
// A probe has it for itself: a pair is as fast as the slower of its two ends, so the fastest pair
// comes nearest.
Links LinkBook::capacities(std::span<const std::uint32_t> islands, Rate Link::*source) const {
  const auto join = [source](double& all, const Link& way) {
    const double rate = (way.*source).per_s();
    all = source == &Link::round ? all + rate : std::max(all, rate);
  };
  Links links;
  for (const std::uint32_t island : islands) {
    double& up = links.up.emplace_back(0);
    double& down = links.down.emplace_back(0);
    for (const std::uint32_t other : islands) {
      if (other == island) continue;
      join(up, link(island, other));
      join(down, link(other, island));
    }
  }
  return links;
}

// In a ring a member sends to one other only, as in a probe: its rate is the right one here.
Links LinkBook::pairs(std::span<const std::uint32_t> islands) const {
  Links links;
  for (const std::uint32_t from : islands) {
    std::vector<double>& rates = links.rate.emplace_back();
    std::vector<double>& latencies = links.latency_s.emplace_back();
    for (const std::uint32_t to : islands) {
      const Link& way = link(from, to);
      rates.push_back(way.probe.known() ? way.probe.per_s() : way.round.per_s());
      latencies.push_back(way.round_trip_s / 2);
      if (from != to && rates.back() == 0) return {};
    }
  }
  return links;
}

std::vector<std::uint64_t> LinkBook::shares(std::span<const std::uint32_t> islands,
                                            const PlannedBytes& bytes) const {
  const bool rounds = all(islands, [](const Link& way) { return way.round.known(); });
  // One that gave up before its largest message is a lower bound: TCP was still gathering speed.
  const bool probes =
      all(islands, [](const Link& way) { return way.probe.bytes == RateProbe::kLargest; });
  if (islands.size() < 2 || (!rounds && !probes)) return {};
  const Links links = capacities(islands, rounds ? &Link::round : &Link::probe);
  const auto shares = plan_shares(links, bytes);
  const bool worth =
      worth_changing(shares_time_s(links, bytes, {}), shares_time_s(links, bytes, shares));
  return worth ? shares : std::vector<std::uint64_t>();
}

std::vector<std::uint32_t> LinkBook::ring(const std::vector<std::uint32_t>& present,
                                          const PlannedBytes& bytes) const {
  std::vector<std::uint32_t> islands = present;
  std::ranges::sort(islands);
  const Links links = pairs(islands);
  if (links.rate.size() < 3) return present;
  std::vector<std::size_t> places;
  for (const std::uint32_t island : present)
    places.push_back(std::ranges::lower_bound(islands, island) - islands.begin());
  const auto planned = plan_ring(links, bytes);
  if (!worth_changing(ring_time_s(links, bytes, places), ring_time_s(links, bytes, planned)))
    return present;
  std::vector<std::uint32_t> order;
  for (const std::size_t place : planned) order.push_back(islands[place]);
  return order;
}

std::uint32_t LinkBook::hub(std::span<const std::uint32_t> islands, std::uint32_t present,
                            const PlannedBytes& bytes) const {
  const auto place = std::ranges::find(islands, present) - islands.begin();
  const bool known = all(islands, [](const Link& way) { return way.probe.known(); });
  if (!known || static_cast<std::size_t>(place) == islands.size()) return present;
  const Links links = capacities(islands, &Link::probe);
  const std::size_t planned = plan_hub(links, bytes);
  const bool worth =
      worth_changing(hub_time_s(links, bytes, place), hub_time_s(links, bytes, planned));
  return worth ? islands[planned] : present;
}

std::vector<LinkFigures> LinkBook::figures(TimePoint now) const {
  std::vector<LinkFigures> all;
  for (std::uint32_t from = 0; from < islands_; ++from)
    for (std::uint32_t to = 0; to < islands_; ++to) {
      const Link& way = link(from, to);
      if (!way.round.known() && !way.probe.known() && way.round_trip_s == 0) continue;
      const Rate& rate = way.round.known() ? way.round : way.probe;
      LinkFigures figures{from, to, rate.per_s(), way.round.known()};
      if (rate.known()) figures.rate_age_s = seconds(now - rate.at);
      figures.round_trip_s = way.round_trip_s;
      if (way.round_trip_s > 0) figures.round_trip_age_s = seconds(now - way.round_trip_at);
      all.push_back(figures);
    }
  return all;
}

}  // namespace outrigger
