#include <outrigger/comm/membership/link_book.h>

#include <algorithm>
#include <cmath>

namespace outrigger {
namespace {

constexpr double kNoticeable_s = 0.1;
constexpr double kWorthwhile = 0.9;
// Faster than any link, so that a time of 0 is no rate without end.
constexpr double kLeastSecondsPerByte = 1e-12;

}  // namespace

LinkBook::LinkBook(std::size_t islands) : islands_(islands), links_(islands * islands) {}

void LinkBook::measured(std::uint32_t island, std::span<const LinkUse> links) {
  for (const LinkUse& use : links) {
    const bool sound = island < islands_ && use.peer.island < islands_ && use.bytes > 0 &&
                       std::isfinite(use.busy_s) && use.busy_s >= 0;
    if (!sound) continue;
    Link& link = links_[use.peer.island * islands_ + island];
    const double bytes = static_cast<double>(use.bytes);
    const double seconds = std::max(use.busy_s, kLeastSecondsPerByte * bytes);
    const bool first = link.bytes == 0;
    link.bytes = first ? bytes : (link.bytes + bytes) / 2;
    link.seconds = first ? seconds : (link.seconds + seconds) / 2;
  }
}

std::vector<std::uint64_t> LinkBook::shares(std::span<const std::uint32_t> islands,
                                            const PlannedBytes& bytes) const {
  Links links{
      std::vector<double>(islands.size(), 0.0), std::vector<double>(islands.size(), 0.0), {}, {}};
  double longest_s = 0;
  for (std::size_t from = 0; from < islands.size(); ++from)
    for (std::size_t to = 0; to < islands.size(); ++to) {
      if (from == to) continue;
      const Link& link = links_[islands[from] * islands_ + islands[to]];
      if (link.bytes == 0) return {};
      longest_s = std::max(longest_s, link.seconds);
      // All of them were busy at once, so a member's sum is what its own link carried.
      links.up[from] += link.bytes / link.seconds;
      links.down[to] += link.bytes / link.seconds;
    }
  if (islands.size() < 2 || longest_s < kNoticeable_s) return {};
  const auto shares = plan_shares(links, bytes);
  const bool worth =
      shares_time_s(links, bytes, shares) < kWorthwhile * shares_time_s(links, bytes, {});
  return worth ? shares : std::vector<std::uint64_t>();
}

}  // namespace outrigger
