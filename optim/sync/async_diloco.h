#pragma once

#include <outrigger/optim/sync/synchronizer.h>

namespace outrigger {

// Asynchronous local SGD with delayed Nesterov momentum (arXiv 2401.09135, algorithm 3): every H
// inner steps of its own an island's pseudo-gradient, taken against the global parameters that it
// last received, becomes one step of the outer optimizer, and the island goes on from the newest
// global parameters. Nobody waits for anybody's inner steps.
//
// There is no server: each island applies all islands' pseudo-gradients in the order in which the
// coordinator committed them, so all hold the same global parameters, to the bit; only how far each
// has got differs. What an island learnt meanwhile is never mixed in. settle(), which evaluations
// and checkpoints need, is where islands do wait for each other. The job's coordinator is
// configured as asynchronous.
class AsyncDiLoCo final : public Synchronizer {
 public:
  AsyncDiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options,
              SharedState shared = {}, PrivateState own = {});

  std::vector<RoundReport> step(std::uint64_t tokens) override;
  std::vector<RoundReport> finish() override;
  void settle() override;

 private:
  Contribution contribution_like() const;
  void upload(std::vector<RoundReport>& reports);
  bool encode_own(Contribution& contribution);
  void apply_arrival(const RoundOutcome& outcome);
  void download();

  std::uint64_t settled_ = 0;  // how often settle() was called: names its exchanges
};

}  // namespace outrigger
