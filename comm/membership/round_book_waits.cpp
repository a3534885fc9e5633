// RoundBook: what ends a wait other than a vote: failed exchanges, applied versions, reconnects,
// deadlines.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outrigger/comm/membership/round_book.h>
#include <outrigger/comm/membership/wire.h>

namespace outrigger {

void RoundBook::exchange_failed(const MemberId& from, const v1::ExchangeFailed& failed,
                                const Live& live, TimePoint now, Effects& effects) {
  const RoundId id = from_wire(failed.round());
  const auto found = open_.find(id);
  if (found == open_.end() || !found->second.close) {
    if (const auto outcome = outcomes_.find(id); outcome != outcomes_.end()) {
      *effects.send(from.island).mutable_outcome() = outcome->second;
    }
    return;
  }
  Round& round = found->second;
  if (from_wire(failed.attempt()) != from_wire(round.close->attempt()))
    return;  // that try is over already
  const std::string why =
      fmt::format("the exchange failed at {} ({})", name(from.island), failed.why());
  if (!round.exchange_retried) {
    round.exchange_retried = true;
    retry(round, live, now, why, effects);
    return;
  }
  effects.warn(fmt::format("{}: {}", to_string(id), why));
  round.failures.insert_or_assign(from.island, failed);
  if (!round.blame_at) round.blame_at = now + timeout_min_;
}

// Several members may each name whom they waited for. The one most often named is the culprit;
// among equals one that did not itself wait for somebody else.
void RoundBook::blame(const RoundId& id, const Round& round, Effects& effects) const {
  std::map<std::uint32_t, int> points;
  std::vector<std::string> reasons;
  for (const auto& [island, failed] : round.failures) {
    reasons.push_back(fmt::format("{}: {}", name(island), failed.why()));
    if (failed.has_peer()) points[failed.peer().island()] += 2;
  }
  for (auto& [island, count] : points) count += round.failures.contains(island) ? 0 : 1;
  const auto most =
      std::max_element(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string who = "nobody in particular is named";
  std::optional<MemberId> culprit;
  if (most != points.end()) {
    who = fmt::format("{} could not be reached", name(most->first));
    for (const auto& contributor : round.close->contributors()) {
      if (contributor.member().island() == most->first) culprit = from_wire(contributor.member());
    }
  }
  effects.end_job(
      {Code::kUnavailable,
       fmt::format("the exchange of {} failed twice: {} ({}). Is its address open to the other "
                   "islands?",
                   to_string(id), who, fmt::join(reasons, "; "))},
      culprit);
}

void RoundBook::applied(const MemberId& from, const Version& version, const Live& live,
                        Effects& effects) {
  if (version.fragment >= fragments_.size()) {
    effects.refuse(from.island, fmt::format("{} does not exist", to_string(version)));
    return;
  }
  Fragment& fragment = fragments_[version.fragment];
  std::uint64_t& number = fragment.applied[from.island];
  if (version.number <= number) return;
  const auto known = fragment.chains.find(version.number);
  if (known == fragment.chains.end() || known->second != version.chain) {
    effects.end_job(
        {Code::kFailedPrecondition,
         fmt::format("{} has applied {}, which the job never committed: its state differs. "
                     "Resume all islands from the last whole checkpoint",
                     name(from.island), to_string(version))},
        from);
    return;
  }
  number = version.number;
  release(live, effects);
}

void RoundBook::release(const Live& live, Effects& effects) {
  if (live.empty()) return;
  for (std::uint32_t index = 0; index < fragments_.size(); ++index) {
    Fragment& fragment = fragments_[index];
    std::uint64_t everywhere = fragment.committed;
    for (const MemberId& member : live) {
      everywhere = std::min(everywhere, fragment.applied[member.island]);
    }
    while (!outcomes_.empty()) {
      const auto oldest = outcomes_.lower_bound(RoundId{index, 0});
      if (oldest == outcomes_.end() || oldest->first.fragment != index) break;
      if (oldest->first.number >= everywhere) break;
      for (const MemberId& member : live) {
        *effects.send(member.island).mutable_release()->mutable_round() = to_wire(oldest->first);
      }
      fragment.chains.erase(fragment.chains.begin(),
                            fragment.chains.find(oldest->first.number + 1));
      outcomes_.erase(oldest);
    }
  }
}

void RoundBook::rejoined(const MemberId& from, const v1::Hello& hello, const Live& live,
                         TimePoint now, Effects& effects) {
  for (const v1::Version& version : hello.applied())
    applied(from, from_wire(version), live, effects);
  for (const v1::Announce& held : hello.open()) {
    const auto round = open_.find(from_wire(held.round()));
    const bool was_closed = round != open_.end() && round->second.close;
    announce(from, held, live, now, effects);
    if (was_closed) *effects.send(from.island).mutable_close() = *round->second.close;
  }
  if (asynchronous_) catch_up(from, effects);
}

// Rounds of other islands, which the member does not name: what it may have missed.
void RoundBook::catch_up(const MemberId& from, Effects& effects) const {
  for (const auto& [id, round] : open_)
    if (round.close && id.fragment != from.island)
      *effects.send(from.island).mutable_close() = *round.close;
  for (const auto& [id, outcome] : outcomes_) {
    const auto& applied = fragments_[id.fragment].applied;
    const auto known = applied.find(from.island);
    if (known == applied.end() || known->second <= id.number)
      *effects.send(from.island).mutable_outcome() = outcome;
  }
}

Duration RoundBook::exchange_timeout(const Round& round) const {
  return std::chrono::milliseconds(round.close->timeout_ms()) + timeout_min_;
}

std::optional<TimePoint> RoundBook::next_tick() const {
  std::optional<TimePoint> next;
  const auto sooner = [&](TimePoint time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [id, round] : open_) {
    if (round.blame_at) sooner(*round.blame_at);
    if (round.close) {
      sooner(round.closed_at + exchange_timeout(round));
    } else if (round.waiting_since && id.number == fragments_[id.fragment].committed) {
      sooner(*round.waiting_since + arrival_.timeout());
    }
  }
  return next;
}

void RoundBook::tick(TimePoint now, const Live& live, Effects& effects) {
  for (const auto& [id, round] : open_) {
    if (round.blame_at && now >= *round.blame_at) {
      blame(id, round, effects);
      return;
    }
    const bool current = id.number == fragments_[id.fragment].committed;
    const bool exchange_over = round.close && now >= round.closed_at + exchange_timeout(round);
    const bool arrival_over = !round.close && current && round.waiting_since &&
                              now >= *round.waiting_since + arrival_.timeout();
    if (!exchange_over && !arrival_over) continue;
    std::vector<std::uint32_t> missing;
    std::optional<MemberId> culprit;
    for (const MemberId& member : live) {
      if (!awaits(id, member)) continue;
      if (exchange_over ? round.votes.contains(member.island)
                        : round.announces.contains(member.island)) {
        continue;
      }
      if (!culprit) culprit = member;
      missing.push_back(member.island);
    }
    effects.end_job(
        {Code::kDeadlineExceeded,
         fmt::format(
             "{} has waited {:.3g} s for {}: connected, but {}. Slow or stuck? The time-out "
             "follows "
             "measured rounds within membership.timeout",
             to_string(id), seconds(now - (exchange_over ? round.closed_at : *round.waiting_since)),
             names(missing), exchange_over ? "no result came" : "it has not announced the round")},
        culprit);
    return;
  }
}

std::optional<RoundId> RoundBook::needs(const MemberId& member) const {
  for (const auto& [id, round] : open_) {
    if (!round.close) {
      if (awaits(id, member) && !round.announces.contains(member.island)) return id;
      continue;
    }
    for (const auto& contributor : round.close->contributors()) {
      if (from_wire(contributor.member()) == member && !round.votes.contains(member.island))
        return id;
    }
  }
  return std::nullopt;
}

void RoundBook::tell_deadlines(Effects& effects) {
  for (Deadlines* deadlines : {&arrival_, &exchange_}) {
    if (std::string news = deadlines->news(); !news.empty()) effects.note(std::move(news));
  }
}

}  // namespace outrigger
