#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/membership/session.h>
#include <outrigger/optim/named_tensor.h>
#include <outrigger/optim/sync/fragment.h>
#include <outrigger/optim/sync/fragment_sync.h>
#include <outrigger/optim/sync/options.h>
#include <outrigger/optim/sync/state.h>
#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

// What one applied round did, and where its time went.
struct RoundReport {
  RoundOutcome outcome;
  std::uint64_t step = 0;  // the inner step after which it was applied
  double encode_s = 0, apply_s = 0;
  double exposed_s = 0;             // what training stood still for: launch, wait and apply
  double pseudo_gradient_norm = 0;  // of this island's
  bool reset = false;  // this island's pseudo-gradient was not finite and it started over
};

// DiLoCo (arXiv 2311.08105, algorithm 1) and its family, under a training loop of the user's own:
//
//   auto session = outrigger::Session::join(
//       {.coordinator = "host:7077", .island = "paris", .job = "run-1"});
//   outrigger::DiLoCo diloco(session, parameters, {.every = 100, .fragments = 4, .delay = 5});
//   for (auto& batch : data) { loss(batch).backward(); inner.step(); diloco.step(tokens); }
//   diloco.finish();
//
// The options choose the method: blocking (one fragment, delay 0), streaming (arXiv 2501.18512),
// one-step-delayed and eager (2502.12996, 2506.21263), gossip (2506.10911: outer "noloco").
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

  // Between a backward pass and the inner step: adds to the parameters' .grad what the options ask
  // for (FedProx's term, control variates). Does nothing without them.
  void correct_gradients();

  // After every inner step: `tokens` (at least 1) is what this island trained on in it. Runs what
  // the timetable has at this boundary and returns a report of each round that was applied.
  std::vector<RoundReport> step(std::uint64_t tokens);

  // The end of training: open rounds are applied, then one last round, after which all islands are
  // equal.
  std::vector<RoundReport> finish();

  // Waits for the outcomes of all open rounds, so that the state can be saved.
  void settle();

  // Called when this island's pseudo-gradient was not finite: its parameters are the global ones
  // again, and the inner optimizer's moments must go back to zero.
  std::function<void()> on_reset;
  DeltaHook on_delta;

  const SharedState& shared() const { return shared_; }
  const PrivateState& own() const { return own_; }
  const std::vector<Fragment>& fragments() const { return fragments_; }
  const Method& method() const { return method_; }
  const Timetable& timetable() const { return timetable_; }
  // theta_global under the parameters' names and in their order. The tensors share the state's
  // memory: read them, and not beyond this object's life.
  NamedTensors global_parameters() const;

 private:
  struct Timing {
    double encode_s = 0, norm = 0, exposed_s = 0;
  };

  void launch(std::uint32_t fragment);
  void settle(std::uint32_t fragment);
  RoundReport apply(std::uint32_t fragment, FragmentSync::Merging merging);
  void start_over();
  RoundReport average(std::uint32_t fragment);
  // Throws unless every island holds the same bits of the fragment's shared state.
  void compare_states(std::string_view when, std::uint32_t fragment);

  Session& session_;
  Method method_;
  Timetable timetable_;
  NamedTensors parameters_;
  std::vector<Fragment> fragments_;
  SharedState shared_;
  PrivateState own_;
  std::vector<FragmentSync> syncs_;
  std::vector<std::deque<Timing>> timings_;  // of each fragment's open rounds
};

}  // namespace outrigger
