#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/membership/session.h>
#include <outrigger/optim/named_tensor.h>
#include <outrigger/optim/outer/outer_optimizer.h>
#include <outrigger/optim/outer/schedule.h>
#include <outrigger/optim/sync/fragment.h>
#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/sync/state.h>
#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

struct DiLoCoOptions {
  std::uint64_t every = 100;   // H: inner steps between two rounds
  std::string codec = "fp32";  // of the pseudo-gradient: fp32, bf16, int8
  std::string result_codec =
      "auto";  // of the average on its way back: auto is fp32 for fp32, bf16 for the rest
  AggregationOptions aggregation;
  OuterOptions outer;
  OuterSchedule outer_schedule;
  std::uint64_t check_every = 10;  // rounds between two comparisons of the whole state; 0: never
};

// The codec of the average for `codec` and `result_codec` as in DiLoCoOptions.
Result<const Codec*> find_result_codec(const std::string& codec, const std::string& result_codec);

// What one applied round did, and where its time went.
struct RoundReport {
  RoundOutcome outcome;
  std::uint64_t step = 0;  // the inner step after which it was applied
  double encode_s = 0, apply_s = 0;
  double exposed_s = 0;             // what training stood still for: launch, wait and apply
  double pseudo_gradient_norm = 0;  // of this island's
  bool reset = false;  // this island's pseudo-gradient was not finite and it started over
};

// DiLoCo (arXiv 2311.08105, algorithm 1) under a training loop of the user's own:
//
//   auto session = outrigger::Session::join(
//       {.coordinator = "host:7077", .island = "paris", .job = "run-1"});
//   outrigger::DiLoCo diloco(session, parameters, {.every = 100});
//   for (auto& batch : data) { loss(batch).backward(); inner.step(); diloco.step(tokens); }
//   diloco.finish();
//
// theta_global starts as the parameters are at construction, which must be equal on every island
// (checked). The inner optimizer's moments are kept across rounds and never exchanged. Not
// thread-safe: called by the training thread. Throws Error; after that the parameters are as the
// last whole round or step left them.
class DiLoCo {
 public:
  DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options);
  // Goes on from a checkpoint: the parameters hold theta_local already.
  DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared,
         PrivateState own);

  // After every inner step: `tokens` (at least 1) is what this island trained on in it. Runs the
  // rounds that the timetable has at this boundary and returns a report of each that was applied.
  std::vector<RoundReport> step(std::uint64_t tokens);

  // The end of training: one last round of what has moved since its last round, after which all
  // islands are equal.
  std::vector<RoundReport> finish();

  // Called when this island's pseudo-gradient was not finite: its parameters are the global ones
  // again, and the inner optimizer's moments must go back to zero.
  std::function<void()> on_reset;

  const SharedState& shared() const { return shared_; }
  const PrivateState& own() const { return own_; }
  const std::vector<Fragment>& fragments() const { return fragments_; }
  const OuterOptimizer& outer() const { return *outer_; }
  const Timetable& timetable() const { return timetable_; }

 private:
  struct Launched {
    double encode_s = 0, norm = 0;
    TimePoint began;
  };

  RoundReport run_round(std::uint32_t fragment);
  Launched launch(RoundId round);
  RoundReport settle_and_apply(RoundId round, const Launched& launched);
  void apply(const RoundOutcome& outcome);
  // Throws unless every island holds the same bits of the fragment's shared state.
  void compare_states(std::string_view when, std::uint32_t fragment);

  Session& session_;
  DiLoCoOptions options_;
  const Codec* codec_;
  const Codec* result_codec_;
  std::unique_ptr<OuterOptimizer> outer_;
  std::unique_ptr<Aggregation> aggregation_;
  Timetable timetable_;
  std::vector<Fragment> fragments_;
  SharedState shared_;
  PrivateState own_;
};

}  // namespace outrigger
