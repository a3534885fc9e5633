#include <outrigger/comm/membership/round_book.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outrigger/comm/membership/wire.h>

namespace outrigger {

RoundBook::RoundBook(const CoordinatorConfig& config)
    : islands_(config.islands),
      weights_(config.weights),
      replicas_differ_(config.replicas_differ),
      asynchronous_(config.asynchronous),
      timeout_min_(config.timeout_min),
      fragments_(config.fragments, Fragment{}),
      arrival_("rounds, from the first announcement to the close", 6 * config.timeout_min,
               config.timeout_max),
      exchange_("rounds, from the close to the commit", 6 * config.timeout_min, config.timeout_max),
      link_plan_(config.link_plan),
      planned_(config.planned),
      links_(config.islands.size()),
      order_(config.islands.size()) {
  std::iota(order_.begin(), order_.end(), 0);
}

void RoundBook::replay(const v1::Record& record) {
  switch (record.body_case()) {
    case v1::Record::kTermStarted:
      if (record.term_started().new_life()) {
        open_.clear();
        outcomes_.clear();
        fragments_.assign(fragments_.size(), Fragment{});
        has_base_ = false;
        next_sequence_ = 0;
        first_attempt_ = highest_attempt_ + 1;
        std::iota(order_.begin(), order_.end(), 0);
      }
      break;
    case v1::Record::kAppliedBy: {
      const Version version = from_wire(record.applied_by().version());
      if (version.fragment >= fragments_.size()) break;
      set_base(
          {version});  // under policy strict all are admitted, on one base, before the first commit
      fragments_[version.fragment].applied[record.applied_by().member().island()] = version.number;
      break;
    }
    case v1::Record::kAdmitted:
      has_base_ = true;
      break;
    case v1::Record::kClosed: {
      Round& round = open_[from_wire(record.closed().round())];
      round.close = record.closed();
      round.measured = false;
      highest_attempt_ = std::max(highest_attempt_, record.closed().attempt().number());
      std::vector<std::uint32_t> order;
      for (const v1::Member& owner : record.closed().owners()) order.push_back(owner.island());
      if (std::ranges::is_permutation(order, order_)) order_ = order;
      break;
    }
    case v1::Record::kCommitted:
      apply_commit(record.committed());
      break;
    default:
      break;
  }
}

void RoundBook::start(std::uint64_t term, TimePoint now) {
  term_ = term;
  for (auto& [id, round] : open_) round.closed_at = now;
}

Status RoundBook::check_applied(const std::vector<Version>& applied) const {
  for (const Version& version : applied) {
    if (version.fragment >= fragments_.size()) {
      return {Code::kFailedPrecondition, fmt::format("it names {}, but the job has {} fragments",
                                                     to_string(version), fragments_.size())};
    }
  }
  if (!has_base_) return {};
  std::vector<Version> all;
  for (std::uint32_t index = 0; index < fragments_.size(); ++index) all.push_back({index, 0, {}});
  for (const Version& version : applied) all[version.fragment] = version;
  for (const Version& version : all) {
    const auto& chains = fragments_[version.fragment].chains;
    const auto known = chains.find(version.number);
    if (known == chains.end() || known->second != version.chain) {
      return {
          Code::kFailedPrecondition,
          fmt::format("it stands at {}, which is not in the job's history; the job stands at {}. "
                      "Its parameters differ from the others': start all islands from the same "
                      "checkpoint",
                      to_string(version), to_string(committed(version.fragment)))};
    }
  }
  return {};
}

void RoundBook::set_base(const std::vector<Version>& applied) {
  for (const Version& version : applied) {
    fragments_[version.fragment].committed = version.number;
    fragments_[version.fragment].chains = {{version.number, version.chain}};
  }
  has_base_ = true;
}

Version RoundBook::committed(std::uint32_t fragment) const {
  const Fragment& state = fragments_[fragment];
  return {fragment, state.committed, state.chains.at(state.committed)};
}

std::string RoundBook::name(std::uint32_t island) const {
  return island < islands_.size() ? fmt::format("island {}", islands_[island])
                                  : "an unknown island";
}

std::string RoundBook::names(const std::vector<std::uint32_t>& list) const {
  std::vector<std::string> texts;
  for (const std::uint32_t island : list) texts.push_back(name(island));
  return fmt::format("{}", fmt::join(texts, ", "));
}

Status RoundBook::check_base(const v1::Announce& announce) const {
  const Version base = from_wire(announce.base());
  const Version expected = committed(announce.round().fragment());
  if (base == expected) return {};
  return {
      Code::kFailedPrecondition,
      fmt::format("announces {} on {}, but the job stands at {}: its state differs from the "
                  "others'. Resume all islands from the last whole checkpoint",
                  to_string(from_wire(announce.round())), to_string(base), to_string(expected))};
}

void RoundBook::announce(const MemberId& from, const v1::Announce& announce, const Live& live,
                         TimePoint now, Effects& effects) {
  const RoundId id = from_wire(announce.round());
  if (id.fragment >= fragments_.size() || announce.base().fragment() != id.fragment ||
      announce.base().number() != id.number) {
    effects.refuse(
        from.island,
        fmt::format("the announcement of {} on {} does not fit: the job has {} "
                    "fragments, and a round's base is the version of its number",
                    to_string(id), to_string(from_wire(announce.base())), fragments_.size()));
    return;
  }
  const bool norms_are_numbers = std::ranges::all_of(
      announce.norms(), [](double norm) { return std::isfinite(norm) && norm >= 0; });
  if (!norms_are_numbers) {
    effects.end_job(
        {Code::kFailedPrecondition,
         fmt::format("{} announces a norm that is no norm for {}: its arithmetic is broken",
                     name(from.island), to_string(id))},
        from);
    return;
  }
  if (asynchronous_ && id.fragment != from.island) {
    effects.refuse(from.island,
                   fmt::format("the announcement of {}: asynchronous rounds of fragment "
                               "{} are {}'s",
                               to_string(id), id.fragment, name(id.fragment)));
    return;
  }
  const std::uint64_t committed_number = fragments_[id.fragment].committed;
  if (id.number < committed_number) {
    const auto outcome = outcomes_.find(id);
    if (outcome == outcomes_.end()) return;  // everyone has applied it: an old duplicate
    *effects.send(from.island).mutable_outcome() = outcome->second;
    return;
  }
  if (id.number > committed_number + kMaxRoundsAhead) {
    effects.refuse(from.island, fmt::format("the announcement of {} is too far ahead of {}",
                                            to_string(id), to_string(committed(id.fragment))));
    return;
  }
  Round& round = open_[id];
  if (!round.announces.emplace(from.island, announce).second) return;
  if (!round.waiting_since) round.waiting_since = now;
  if (!round.close) try_close(id, live, now, effects);
}

// Whether the round cannot close before the member has announced it.
bool RoundBook::awaits(const RoundId& id, const MemberId& member) const {
  return !asynchronous_ || member.island == id.fragment;
}

void RoundBook::try_close(const RoundId& id, const Live& live, TimePoint now, Effects& effects) {
  Round& round = open_.at(id);
  if (id.number != fragments_[id.fragment].committed) return;
  for (const MemberId& member : live) {
    const auto announce = round.announces.find(member.island);
    if (announce == round.announces.end()) continue;
    if (const Status status = check_base(announce->second); !status.ok()) {
      effects.end_job({status.code(), name(member.island) + " " + status.message()}, member);
      return;
    }
  }
  for (const MemberId& member : live) {
    if (awaits(id, member) && !round.announces.contains(member.island)) return;
  }
  v1::Close close;
  *close.mutable_round() = to_wire(id);
  *close.mutable_attempt() = to_wire(AttemptId{term_, first_attempt_});
  *close.mutable_base() = to_wire(committed(id.fragment));
  fill_contributors(round, live, close, effects);
  if (effects.verdict) return;
  follow_links(round, close, effects);
  arrival_.measured(now - *round.waiting_since);
  tell_deadlines(effects);
  round.closed_at = now;
  close.set_timeout_ms(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(exchange_.timeout()).count()));
  highest_attempt_ = std::max(highest_attempt_, close.attempt().number());
  round.close = close;
  *effects.record().mutable_closed() = close;
  send_close(close, live, effects);
}

void RoundBook::fill_contributors(const Round& round, const Live& live, v1::Close& close,
                                  Effects& effects) const {
  std::vector<std::uint64_t> tokens;
  std::vector<double> norms;
  for (const MemberId& member : live) {
    if (!awaits(from_wire(close.round()), member)) {
      *close.add_spectators() = to_wire(member);
      continue;
    }
    const v1::Announce& announce = round.announces.at(member.island);
    if (!announce.finite()) {
      *close.add_spectators() = to_wire(member);
      effects.warn(fmt::format("{} left out of {}: its pseudo-gradient is not finite",
                               name(member.island), to_string(from_wire(close.round()))));
      continue;
    }
    v1::Contributor* contributor = close.add_contributors();
    *contributor->mutable_member() = to_wire(member);
    *contributor->mutable_norms() = announce.norms();
    tokens.push_back(announce.tokens());
    norms.push_back(announce.norms().empty() ? 0.0 : announce.norms(0));
    *close.add_owners() = to_wire(member);
  }
  if (close.contributors().empty()) {
    effects.end_job(
        {Code::kFailedPrecondition,
         fmt::format("no island has a finite pseudo-gradient in {}: the training has diverged. "
                     "Resume from the last checkpoint with a lower learning rate",
                     to_string(from_wire(close.round())))});
    return;
  }
  const std::vector<std::uint64_t> weights = round_weights(weights_, tokens, norms);
  for (int k = 0; k < close.contributors_size(); ++k)
    close.mutable_contributors(k)->set_weight(weights[static_cast<std::size_t>(k)]);
}

void RoundBook::send_close(const v1::Close& close, const Live& live, Effects& effects) const {
  for (const MemberId& member : live) *effects.send(member.island).mutable_close() = close;
}

void RoundBook::retry(Round& round, const Live& live, TimePoint now, const std::string& why,
                      Effects& effects) {
  v1::Attempt* attempt = round.close->mutable_attempt();
  attempt->set_number(attempt->number() + 1);
  attempt->set_term(term_);
  highest_attempt_ = std::max(highest_attempt_, attempt->number());
  round.votes.clear();
  round.failures.clear();
  round.blame_at.reset();
  round.measured = false;
  round.closed_at = now;
  effects.warn(fmt::format("{}: {}; attempt {} starts", to_string(from_wire(round.close->round())),
                           why, attempt->number()));
  *effects.record().mutable_closed() = *round.close;
  send_close(*round.close, live, effects);
}

void RoundBook::vote(const MemberId& from, const v1::Vote& vote, const Live& live, TimePoint now,
                     Effects& effects) {
  const RoundId id = from_wire(vote.round());
  const auto found = open_.find(id);
  if (found == open_.end() || !found->second.close) {
    if (const auto outcome = outcomes_.find(id); outcome != outcomes_.end()) {
      *effects.send(from.island).mutable_outcome() = outcome->second;
    } else {
      effects.refuse(from.island,
                     fmt::format("the vote on {}: that round is not closed", to_string(id)));
    }
    return;
  }
  Round& round = found->second;
  const AttemptId newest = from_wire(round.close->attempt());
  if (from_wire(vote.attempt()) != newest) {
    effects.refuse(from.island,
                   fmt::format("the vote on {} is for {}; only {} counts", to_string(id),
                               to_string(from_wire(vote.attempt())), to_string(newest)));
    return;
  }
  const auto& contributors = round.close->contributors();
  const bool contributes =
      std::any_of(contributors.begin(), contributors.end(),
                  [&](const auto& entry) { return from_wire(entry.member()) == from; });
  if (!contributes || vote.result_hash().size() != 16) {
    effects.refuse(from.island, fmt::format("the vote on {}: {}", to_string(id),
                                            contributes ? "its hash does not have 16 bytes"
                                                        : "this member does not contribute to it"));
    return;
  }
  const bool first =
      round.votes.insert_or_assign(from.island, Hash128::from_bytes(vote.result_hash())).second;
  if (first) {
    std::vector<LinkUse> links;
    for (const auto& sample : vote.links()) links.push_back(from_wire(sample));
    links_.measured(from.island, links, now);
  }
  count_votes(id, live, now, effects);
}

void RoundBook::count_votes(const RoundId& id, const Live& live, TimePoint now, Effects& effects) {
  Round& round = open_.at(id);
  for (const auto& contributor : round.close->contributors()) {
    if (!round.votes.contains(contributor.member().island())) return;
  }
  if (replicas_differ_) {
    commit(id, Hash128{}, live, now, effects);
    return;
  }
  const Hash128 hash = round.votes.begin()->second;
  std::map<Hash128, std::vector<std::uint32_t>, bool (*)(const Hash128&, const Hash128&)> sides(
      [](const Hash128& a, const Hash128& b) {
        return std::pair(a.high, a.low) < std::pair(b.high, b.low);
      });
  for (const auto& [island, voted] : round.votes) sides[voted].push_back(island);
  if (sides.size() == 1) {
    commit(id, hash, live, now, effects);
    return;
  }
  std::vector<std::string> texts;
  for (const auto& [voted, voters] : sides) {
    texts.push_back(fmt::format("{}: {}", names(voters), voted.hex().substr(0, 8)));
  }
  const std::string why = fmt::format("the results differ ({})", fmt::join(texts, "; "));
  if (!round.votes_retried) {
    round.votes_retried = true;
    retry(round, live, now, why, effects);
    return;
  }
  effects.end_job(
      {Code::kCorruption,
       fmt::format("{}: {}, twice. A machine computes or moves bytes wrongly, or builds differ. "
                   "Resume from the last whole checkpoint",
                   to_string(id), why)});
}

void RoundBook::commit(const RoundId& id, const Hash128& hash, const Live& live, TimePoint now,
                       Effects& effects) {
  Round& round = open_.at(id);
  const Version before = committed(id.fragment);
  v1::Outcome outcome;
  *outcome.mutable_round() = round.close->round();
  *outcome.mutable_attempt() = round.close->attempt();
  outcome.set_result_hash(hash.bytes());
  *outcome.mutable_version() =
      to_wire(Version{id.fragment, id.number + 1, chain(before.chain, hash)});
  *outcome.mutable_contributors() = round.close->contributors();
  outcome.set_replicas_differ(replicas_differ_);
  outcome.set_sequence(next_sequence_);
  if (round.measured) {
    exchange_.measured(now - round.closed_at);
    tell_deadlines(effects);
  }
  *effects.record().mutable_committed() = outcome;
  apply_commit(outcome);
  for (const MemberId& member : live) *effects.send(member.island).mutable_outcome() = outcome;
  effects.detail(fmt::format("{} committed: {}", to_string(id), to_string(committed(id.fragment))));
  release(live, effects);
  const auto next = open_.find(RoundId{id.fragment, id.number + 1});
  if (next == open_.end()) return;
  next->second.waiting_since = now;
  try_close(next->first, live, now, effects);
}

void RoundBook::apply_commit(const v1::Outcome& outcome) {
  const RoundId id = from_wire(outcome.round());
  const Version version = from_wire(outcome.version());
  if (id.fragment >= fragments_.size()) return;
  fragments_[id.fragment].committed = version.number;
  fragments_[id.fragment].chains[version.number] = version.chain;
  next_sequence_ = outcome.sequence() + 1;
  open_.erase(id);
  outcomes_[id] = outcome;
}

}  // namespace outrigger
