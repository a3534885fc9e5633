#pragma once

#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/meeting.h>

namespace outrigger {

// One piece of work that all members did at the same time.
struct Lap {
  double seconds = 0;                        // from the common start to the last member's end
  double cpu_seconds = 0;                    // of all members together, meanwhile
  std::vector<nlohmann::ordered_json> said;  // what each member's work returned
};

// Lets all members of a meeting begin at one instant. On one machine (its network namespaces
// included) they share a clock, and agree on an instant shortly ahead. On several a member begins
// when it hears that all are ready, and a lap counts as the longest that one of them took: too
// long by the time that a message takes, never too short.
class StartLine {
 public:
  // Compares the members' machines, and how long they take to hear of each other.
  static Result<StartLine> draw(Meeting& meeting);

  using Work = std::function<Result<nlohmann::ordered_json>()>;
  // Runs `work` on every member that calls. Work that fails ends the lap here, and the meeting for
  // the others once this process leaves it.
  Result<Lap> run(const Work& work);

 private:
  explicit StartLine(Meeting& meeting) : meeting_(&meeting) {}
  Result<std::vector<nlohmann::ordered_json>> gather(const nlohmann::ordered_json& own);

  Meeting* meeting_;
  bool one_clock_ = false;
  Duration margin_{};  // for everyone to hear of the start
};

}  // namespace outrigger
