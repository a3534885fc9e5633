#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <membership.pb.h>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/membership/effects.h>

namespace outrigger {

// The coordinator's gathers: small values under a key, shown to every member once all have given
// theirs, and the agreement to stop, which is a gather that the coordinator starts. A result is
// journaled before anyone sees it, and kept for members that were away. Pure.
class GatherBook {
 public:
  using Live = std::vector<MemberId>;

  void replay(const v1::Record& record);

  void add(const MemberId& from, const v1::Gather& gather, const Live& live, TimePoint now,
           Effects& effects);
  // Somebody wants the job to stop: asks all, once.
  void stop(const std::string& why, const Live& live, Effects& effects);
  void rejoined(const MemberId& from, Effects& effects) const;
  // A member left: the agreement to stop needs it no more.
  void left(const Live& live, Effects& effects);

  // Ends the job when a key has waited for longer than `limit`: a member whose training hangs still
  // sends heartbeats.
  void tick(TimePoint now, Duration limit, const Live& live, Effects& effects) const;
  std::optional<TimePoint> next_tick(Duration limit) const;

  // A key that waits for `member`; empty if there is none.
  std::optional<std::string> needs(const MemberId& member) const;

 private:
  void try_finish(const std::string& key, const Live& live, Effects& effects);
  void ask(std::uint32_t island, Effects& effects) const;

  std::map<std::string, std::map<std::uint32_t, v1::GatherResult::Entry>>
      open_;  // by key, by island
  std::map<std::string, TimePoint> open_since_;
  std::deque<v1::GatherResult> results_;  // the newest kMaxOpenGathers
  std::optional<std::string> stop_why_;   // a stop is being agreed on, or has been
};

}  // namespace outrigger
