#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include <outrigger/optim/sync/fragment_sync.h>
#include <outrigger/optim/sync/synchronizer.h>
#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

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
//
// theta_global starts as the parameters are at construction, which must be equal on every island
// (checked). The inner optimizer's moments are kept across rounds and never exchanged. Throws
// Error; after that the parameters are as the last whole round or step left them.
class DiLoCo final : public Synchronizer {
 public:
  // With states, goes on from a checkpoint: the parameters hold theta_local already.
  DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared = {},
         PrivateState own = {});

  void correct_gradients() override;
  std::vector<RoundReport> step(std::uint64_t tokens) override;
  std::vector<RoundReport> finish() override;
  void settle() override;

  const Timetable& timetable() const { return timetable_; }

 private:
  struct Timing {
    double encode_s = 0, norm = 0, exposed_s = 0;
  };

  void launch(std::uint32_t fragment);
  void advance(std::uint32_t fragment);
  void settle(std::uint32_t fragment);
  RoundReport apply(std::uint32_t fragment, FragmentSync::Merging merging);
  void start_over();
  RoundReport average(std::uint32_t fragment);

  Timetable timetable_;
  std::vector<FragmentSync> syncs_;
  std::vector<std::deque<Timing>> timings_;  // of each fragment's open rounds
};

}  // namespace outrigger
