#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/comm/membership/deadlines.h>
#include <outrigger/comm/membership/effects.h>
#include <outrigger/comm/membership/link_book.h>

namespace outrigger {

// The coordinator's rounds under policy strict: announcements, closes, attempts, votes, commits,
// and the outcomes that are kept until every member has applied them. Any number of rounds may be
// open, also two of one fragment; round n+1 closes only after round n has committed. Pure.
//
// `live` is always the members whose part every round needs, in the order of islands.
class RoundBook {
 public:
  using Live = std::vector<MemberId>;

  explicit RoundBook(const CoordinatorConfig& config);

  // Rebuilding from the journal, record by record.
  void replay(const v1::Record& record);
  void start(std::uint64_t term, TimePoint now);

  // The versions that a member brings along: the first member of a life sets them, later ones must
  // have a version that this history contains.
  Status check_applied(const std::vector<Version>& applied) const;
  void set_base(const std::vector<Version>& applied);
  bool has_base() const { return has_base_; }

  void announce(const MemberId& from, const v1::Announce& announce, const Live& live, TimePoint now,
                Effects& effects);
  void vote(const MemberId& from, const v1::Vote& vote, const Live& live, TimePoint now,
            Effects& effects);
  void exchange_failed(const MemberId& from, const v1::ExchangeFailed& failed, const Live& live,
                       TimePoint now, Effects& effects);
  void applied(const MemberId& from, const Version& version, const Live& live, Effects& effects);
  // On every (re)connection: the outcome, or the close as it stands, of each round that the member
  // holds.
  void rejoined(const MemberId& from, const v1::Hello& hello, const Live& live, TimePoint now,
                Effects& effects);
  void tick(TimePoint now, const Live& live, Effects& effects);
  void probed(const MemberId& from, const v1::Probed& probed, TimePoint now);
  std::vector<LinkFigures> links(TimePoint now) const { return links_.figures(now); }
  // Members left: what they have applied counts no more.
  void release(const Live& live, Effects& effects);

  std::optional<TimePoint> next_tick() const;
  // A round that cannot commit without `member`; empty if there is none.
  std::optional<RoundId> needs(const MemberId& member) const;
  Version committed(std::uint32_t fragment) const;

  static constexpr std::uint64_t kMaxRoundsAhead = 8;  // of the last committed one, per fragment

 private:
  struct Round {
    std::map<std::uint32_t, v1::Announce> announces;  // by island
    std::optional<TimePoint> waiting_since;  // first announcement, with the round before committed
    std::optional<v1::Close> close;          // the newest attempt
    TimePoint closed_at;
    std::map<std::uint32_t, Hash128> votes;  // on the newest attempt, by island
    std::map<std::uint32_t, v1::ExchangeFailed> failures;
    bool measured = true;  // closed in this term and never retried
    bool exchange_retried = false;
    bool votes_retried = false;
    std::optional<TimePoint> blame_at;  // when a second failure is settled
  };
  struct Fragment {
    std::uint64_t committed = 0;
    // Of each version that some member may still stand at.
    std::map<std::uint64_t, Hash128> chains = {{0, Hash128{}}};
    std::map<std::uint32_t, std::uint64_t> applied;  // by island
  };

  std::string name(std::uint32_t island) const;
  std::string names(const std::vector<std::uint32_t>& list) const;
  Status check_base(const v1::Announce& announce) const;
  bool awaits(const RoundId& id, const MemberId& member) const;
  void catch_up(const MemberId& from, Effects& effects) const;
  void try_close(const RoundId& id, const Live& live, TimePoint now, Effects& effects);
  void fill_contributors(const Round& round, const Live& live, v1::Close& close,
                         Effects& effects) const;
  void follow_links(const Round& round, v1::Close& close, Effects& effects);
  void follow_order(const PlannedBytes& bytes, v1::Close& close, Effects& effects);
  void send_close(const v1::Close& close, const Live& live, Effects& effects) const;
  void retry(Round& round, const Live& live, TimePoint now, const std::string& why,
             Effects& effects);
  void count_votes(const RoundId& id, const Live& live, TimePoint now, Effects& effects);
  void commit(const RoundId& id, const Hash128& hash, const Live& live, TimePoint now,
              Effects& effects);
  void apply_commit(const v1::Outcome& outcome);
  void blame(const RoundId& id, const Round& round, Effects& effects) const;
  void tell_deadlines(Effects& effects);
  Duration exchange_timeout(const Round& round) const;

  const std::vector<std::string> islands_;
  const WeightRule weights_;
  const bool replicas_differ_;
  const bool asynchronous_;
  const Duration timeout_min_;
  std::uint64_t term_ = 0;
  std::uint64_t first_attempt_ = 1;  // above every attempt of an earlier life
  std::uint64_t highest_attempt_ = 0;
  bool has_base_ = false;
  std::uint64_t next_sequence_ = 0;
  std::vector<Fragment> fragments_;
  std::map<RoundId, Round> open_;
  std::map<RoundId, v1::Outcome> outcomes_;
  Deadlines arrival_, exchange_;
  const LinkPlan link_plan_;
  const PlannedBytes planned_;
  LinkBook links_;
  double largest_contribution_ = 0;   // of any fragment so far, in bytes: orders are planned for it
  std::vector<std::uint32_t> order_;  // of a ring, or a star's hub and the rest, as last closed
};

}  // namespace outrigger
