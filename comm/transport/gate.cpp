#include <fmt/format.h>

#include <outrigger/comm/transport/gate.h>

namespace outrigger {
namespace {

// A round that far behind its fragment's newest has long been decided everywhere.
constexpr std::uint64_t kRoundsRemembered = 64;

}  // namespace

Result<std::optional<MemberId>> Gate::add(MemberId peer) {
  const auto [at, fresh] = peers_.try_emplace({peer.island, peer.worker}, Peer{peer, Status()});
  if (fresh) return std::optional<MemberId>();
  const MemberId before = at->second.member;
  if (before.incarnation > peer.incarnation)
    return Status(Code::kFailedPrecondition,
                  fmt::format("{} is outdated: incarnation {} of it is known", to_string(peer),
                              before.incarnation));
  at->second = {peer, Status()};
  if (before == peer) return std::optional<MemberId>();
  return std::optional(before);
}

void Gate::lose(MemberId peer, Status why) {
  const auto at = peers_.find({peer.island, peer.worker});
  if (at != peers_.end() && at->second.member == peer) at->second.lost = std::move(why);
}

void Gate::abort_before(RoundId round, AttemptId attempt) {
  AttemptId& floor = floors_[round];
  floor = std::max(floor, attempt);
  std::erase_if(floors_, [&](const auto& entry) {
    return entry.first.fragment == round.fragment &&
           entry.first.number + kRoundsRemembered < round.number;
  });
}

Status Gate::check_peer(MemberId peer) const {
  const auto at = peers_.find({peer.island, peer.worker});
  if (at == peers_.end() || at->second.member.incarnation < peer.incarnation)
    return {Code::kNotFound, to_string(peer) + " is not a known peer"};
  if (at->second.member != peer)
    return {Code::kFailedPrecondition,
            fmt::format("{} is outdated: its island runs as incarnation {} now", to_string(peer),
                        at->second.member.incarnation)};
  return at->second.lost;
}

Status Gate::check_attempt(const Tag& tag) const {
  const auto at = floors_.find(tag.round);
  if (at == floors_.end() || tag.attempt >= at->second) return {};
  return {Code::kAborted, fmt::format("{}: {} has replaced {}", to_string(tag.round),
                                      to_string(at->second), to_string(tag.attempt))};
}

}  // namespace outrigger
