// RoundBook: what of a close follows what is known of the links.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <outrigger/comm/membership/round_book.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {
namespace {

constexpr double kOldest_s = 1e8;  // of what a member can have measured: three years

}  // namespace

// A retry keeps all of it, and a restart finds it in the journal.
void RoundBook::follow_links(const Round& round, v1::Close& close, Effects& effects) {
  if (link_plan_ == LinkPlan::kNothing || planned_.contribution <= 0 || planned_.result <= 0)
    return;
  PlannedBytes bytes;
  for (const auto& [island, announce] : round.announces)
    bytes.contribution = std::max(bytes.contribution, static_cast<double>(announce.bytes()));
  if (link_plan_ != LinkPlan::kShares)
    bytes.contribution = largest_contribution_ =
        std::max(largest_contribution_, bytes.contribution);
  bytes.result = bytes.contribution / planned_.contribution * planned_.result;
  if (bytes.contribution == 0) return;
  if (link_plan_ != LinkPlan::kShares) return follow_order(bytes, close, effects);
  std::vector<std::uint32_t> islands;
  for (const auto& owner : close.owners()) islands.push_back(owner.island());
  for (const std::uint64_t share : links_.shares(islands, bytes)) close.add_shares(share);
}

// While an island is left out the others stay in the order they had. All fragments have one order:
// planned for each one's own bytes it could change from round to round.
void RoundBook::follow_order(const PlannedBytes& bytes, v1::Close& close, Effects& effects) {
  if (close.owners_size() == static_cast<int>(order_.size())) {
    std::vector<std::uint32_t> order = order_;
    if (link_plan_ == LinkPlan::kRing) {
      order = links_.ring(order_, bytes);
    } else {
      std::ranges::sort(order);
      const auto hub = std::ranges::find(order, links_.hub(order, order_.front(), bytes));
      std::rotate(order.begin(), hub, hub + 1);
    }
    if (order != order_)
      effects.note(
          link_plan_ == LinkPlan::kRing
              ? fmt::format("the ring follows the links now: {}", names(order))
              : fmt::format("the hub is {} now: its links are the best", name(order.front())));
    order_ = order;
  }
  const auto place = [this](const v1::Member& owner) {
    return std::ranges::find(order_, owner.island());
  };
  std::sort(close.mutable_owners()->begin(), close.mutable_owners()->end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

void RoundBook::probed(const MemberId& from, const v1::Probed& probed, TimePoint now) {
  for (const v1::LinkProbe& link : probed.links()) {
    if (!std::isfinite(link.age_s()) || link.age_s() < 0 || link.age_s() > kOldest_s) continue;
    const auto age =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(link.age_s()));
    links_.probed(from.island, from_wire(link), now - age);
  }
}

}  // namespace outrigger
