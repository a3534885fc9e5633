#include <outrigger/comm/collective/plan.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include <outrigger/comm/collective/chunks.h>

namespace outrigger {
namespace {

constexpr std::size_t kExactRing = 8;
constexpr std::size_t kImprovedRing = 64;
constexpr int kBisections = 100;
constexpr double kLeastOfEqual = 1.0 / 16;

std::vector<double> completed(std::vector<double> rates) {
  const double fastest = rates.empty() ? 0 : std::ranges::max(rates);
  for (double& rate : rates)
    if (!(rate > 0)) rate = fastest > 0 ? fastest : 1;
  return rates;
}

// What a member with share s moves one way: fixed + s * slope.
struct Load {
  double fixed = 0, slope = 0;
};
Load sent_by(const PlannedBytes& bytes, std::size_t members) {
  const double others = static_cast<double>(members - 1);
  return {bytes.contribution, others * bytes.result - bytes.contribution};
}
Load received_by(const PlannedBytes& bytes, std::size_t members) {
  const double others = static_cast<double>(members - 1);
  return {bytes.result, others * bytes.contribution - bytes.result};
}

// Of two chunks the second tells a rate (link_use.h).
double least_share(const PlannedBytes& bytes, std::size_t members) {
  const double equal = 1 / static_cast<double>(members);
  const double two_chunks =
      2.0 * static_cast<double>(kChunkBytesLeast) / std::max(bytes.contribution, bytes.result);
  return std::min(equal, std::max(kLeastOfEqual * equal, two_chunks));
}

// The shares that let a member be done in time.
struct Span {
  double low = 0, high = 1;
  void limit(const Load& load, double capacity) {
    const double left = capacity - load.fixed;
    if (load.slope > 0) high = std::min(high, left / load.slope);
    if (load.slope < 0) low = std::max(low, left / load.slope);
    if (load.slope == 0 && left < 0) high = -1;
  }
};

std::vector<Span> spans_of(const Links& links, const PlannedBytes& bytes, double time_s) {
  const std::size_t members = links.up.size();
  std::vector<Span> spans(members, Span{least_share(bytes, members), 1});
  for (std::size_t k = 0; k < members; ++k) {
    spans[k].limit(sent_by(bytes, members), time_s * links.up[k]);
    spans[k].limit(received_by(bytes, members), time_s * links.down[k]);
  }
  return spans;
}

double sum_of(const std::vector<Span>& spans, double Span::*end) {
  double sum = 0;
  for (const Span& span : spans) sum += span.*end;
  return sum;
}

bool suffices(const std::vector<Span>& spans) {
  return std::ranges::all_of(spans, [](const Span& span) { return span.low <= span.high; }) &&
         sum_of(spans, &Span::low) <= 1 && sum_of(spans, &Span::high) >= 1;
}

// Slowest link for the bytes that each carries, and all latencies.
double ring_cost(const Links& links, double link_bytes, const std::vector<std::size_t>& order) {
  double slowest = 0, latency = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::size_t from = order[k], to = order[(k + 1) % order.size()];
    if (!links.rate.empty()) slowest = std::max(slowest, link_bytes / links.rate[from][to]);
    if (!links.latency_s.empty()) latency += links.latency_s[from][to];
  }
  return slowest + latency;
}

std::vector<std::size_t> best_ring(const Links& links, double link_bytes,
                                   std::vector<std::size_t> order) {
  std::vector<std::size_t> best = order;
  double least = ring_cost(links, link_bytes, best);
  while (std::next_permutation(order.begin() + 1, order.end())) {
    const double cost = ring_cost(links, link_bytes, order);
    if (cost >= least) continue;
    least = cost;
    best = order;
  }
  return best;
}

std::vector<std::size_t> nearest_ring(const Links& links, double link_bytes,
                                      std::vector<std::size_t> order) {
  for (std::size_t k = 1; k + 1 < order.size(); ++k) {
    const auto distance = [&](std::size_t to) {
      return ring_cost(links, link_bytes, {order[k - 1], to});
    };
    std::iter_swap(order.begin() + k,
                   std::ranges::min_element(order.begin() + k, order.end(), {}, distance));
  }
  return order;
}

std::vector<std::size_t> improved_ring(const Links& links, double link_bytes,
                                       std::vector<std::size_t> order) {
  double least = ring_cost(links, link_bytes, order);
  for (bool better = order.size() <= kImprovedRing; better;) {
    better = false;
    for (std::size_t from = 1; from + 1 < order.size(); ++from)
      for (std::size_t to = from + 2; to <= order.size(); ++to) {
        std::reverse(order.begin() + from, order.begin() + to);
        const double cost = ring_cost(links, link_bytes, order);
        if (cost < least) {
          least = cost;
          better = true;
        } else {
          std::reverse(order.begin() + from, order.begin() + to);
        }
      }
  }
  return order;
}

// What each link of a ring carries.
double ring_bytes(const PlannedBytes& bytes, std::size_t members) {
  const double count = static_cast<double>(members);
  return (bytes.contribution + (2 * count - 3) * bytes.result) / count;
}

Links known(const Links& links) {
  Links full = links;
  full.up = completed(links.up);
  full.down = completed(links.down);
  std::vector<double> all;
  for (const auto& row : links.rate) all.insert(all.end(), row.begin(), row.end());
  const double fastest = all.empty() ? 0 : std::ranges::max(all);
  for (auto& row : full.rate)
    for (double& rate : row)
      if (!(rate > 0)) rate = fastest > 0 ? fastest : 1;
  return full;
}

}  // namespace

std::vector<std::uint64_t> plan_shares(const Links& measured, const PlannedBytes& bytes) {
  const Links links = known(measured);
  const std::size_t members = links.up.size();
  if (members < 2) return std::vector<std::uint64_t>(members, kShareScale);
  double low = 0, high = shares_time_s(links, bytes, {});
  for (int k = 0; k < kBisections; ++k) {
    const double middle = low + (high - low) / 2;
    (suffices(spans_of(links, bytes, middle)) ? high : low) = middle;
  }
  // Within the spans all go equally far up, so that equal members stay equal.
  const std::vector<Span> spans = spans_of(links, bytes, high);
  const double lows = sum_of(spans, &Span::low), highs = sum_of(spans, &Span::high);
  const double part = highs > lows ? std::clamp((1 - lows) / (highs - lows), 0.0, 1.0) : 0;
  std::vector<std::uint64_t> shares;
  for (const Span& span : spans) {
    const double share = std::clamp(span.low + part * (span.high - span.low), 0.0, 1.0);
    shares.push_back(static_cast<std::uint64_t>(share * static_cast<double>(kShareScale)));
  }
  const bool none = std::ranges::all_of(shares, [](std::uint64_t share) { return share == 0; });
  return none ? std::vector<std::uint64_t>(members, kShareScale / members) : shares;
}

double shares_time_s(const Links& measured, const PlannedBytes& bytes,
                     const std::vector<std::uint64_t>& shares) {
  const Links links = known(measured);
  const std::size_t members = links.up.size();
  if (members < 2) return 0;
  const double whole =
      static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::uint64_t{0}));
  const Load sent = sent_by(bytes, members), received = received_by(bytes, members);
  double slowest = 0;
  for (std::size_t k = 0; k < members; ++k) {
    const double share =
        shares.empty() ? 1 / static_cast<double>(members) : static_cast<double>(shares[k]) / whole;
    slowest = std::max({slowest, (sent.fixed + share * sent.slope) / links.up[k],
                        (received.fixed + share * received.slope) / links.down[k]});
  }
  return slowest;
}

std::vector<std::size_t> plan_ring(const Links& measured, const PlannedBytes& bytes) {
  const Links links = known(measured);
  std::vector<std::size_t> order(std::max(links.up.size(), links.rate.size()));
  std::iota(order.begin(), order.end(), 0);
  if (order.size() < 3) return order;
  const double link_bytes = ring_bytes(bytes, order.size());
  if (order.size() <= kExactRing) return best_ring(links, link_bytes, order);
  return improved_ring(links, link_bytes, nearest_ring(links, link_bytes, order));
}

double ring_time_s(const Links& measured, const PlannedBytes& bytes,
                   const std::vector<std::size_t>& order) {
  if (order.size() < 2) return 0;
  return ring_cost(known(measured), ring_bytes(bytes, order.size()), order);
}

double hub_time_s(const Links& links, const PlannedBytes& bytes, std::size_t hub) {
  std::vector<std::uint64_t> all(links.up.size(), 0);
  all[hub] = 1;
  return shares_time_s(links, bytes, all);
}

std::size_t plan_hub(const Links& links, const PlannedBytes& bytes) {
  const std::size_t members = links.up.size();
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t hub = 0; hub < members; ++hub) {
    const double time_s = hub_time_s(links, bytes, hub);
    if (time_s >= least) continue;
    least = time_s;
    best = hub;
  }
  return best;
}

}  // namespace outrigger
