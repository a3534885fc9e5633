#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <outrigger/comm/buffer_pool.h>
#include <outrigger/comm/membership/session.h>
#include <outrigger/optim/named_tensor.h>
#include <outrigger/optim/sync/fragment.h>
#include <outrigger/optim/sync/options.h>
#include <outrigger/optim/sync/state.h>

namespace outrigger {

// What one applied round did, and where its time went.
struct RoundReport {
  RoundOutcome outcome;
  std::uint64_t round =
      0;                   // of the fragment, from 0; low rank: two of the outcome's rounds are one
  std::uint64_t step = 0;  // the inner step after which it was applied
  double encode_s = 0, apply_s = 0;
  double exposed_s = 0;             // what training stood still for: launch, wait and apply
  double pseudo_gradient_norm = 0;  // of this island's, with what error feedback adds
  bool reset = false;  // this island's pseudo-gradient was not finite and it started over
};

// Sees, and may change, a pseudo-gradient before it is encoded: `delta` are its values from
// `offset` on. For experiments with broken islands, and for noise.
using DeltaHook = std::function<void(RoundId round, std::size_t offset, std::span<float> delta)>;

// What a training loop and a checkpoint see of an island's outer loop: DiLoCo (diloco.h), in rounds
// that all islands share, or AsyncDiLoCo (async_diloco.h), in steps of each island's own. Not
// thread-safe: called by the training thread. Throws Error.
class Synchronizer {
 public:
  virtual ~Synchronizer() = default;
  Synchronizer(const Synchronizer&) = delete;
  Synchronizer& operator=(const Synchronizer&) = delete;

  // Between a backward pass and the inner step: adds to the parameters' .grad what the options ask
  // for (FedProx's term, control variates). Does nothing without them.
  virtual void correct_gradients() {}
  // After every inner step: `tokens` (at least 1) is what this island trained on in it. Runs what
  // is due and returns a report of each round that was applied.
  virtual std::vector<RoundReport> step(std::uint64_t tokens) = 0;
  // The end of training: what is open is applied, and all islands become equal.
  virtual std::vector<RoundReport> finish() = 0;
  // Waits for what is under way, so that the state can be saved. Every island calls it at the same
  // inner step.
  virtual void settle() = 0;

  // Called when this island's pseudo-gradient was not finite: its parameters are the global ones
  // again, and the inner optimizer's moments must go back to zero.
  std::function<void()> on_reset;
  DeltaHook on_delta;

  const SharedState& shared() const { return shared_; }
  const PrivateState& own() const { return own_; }
  const std::vector<Fragment>& fragments() const { return fragments_; }
  const Method& method() const { return method_; }
  // Whether finish() was called: all islands hold the same parameters.
  bool finished() const { return finished_; }
  // theta_global under the parameters' names and in their order. The tensors share the state's
  // memory: read them, and not beyond this object's life.
  NamedTensors global_parameters() const;

 protected:
  // Empty states: a new run, from the parameters as they are. Otherwise the parameters hold
  // theta_local already.
  Synchronizer(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared,
               PrivateState own);

  void count_step(std::uint64_t tokens);  // also: no longer finished
  // Throws unless every island holds the same bits of the fragment's shared state.
  void compare_states(std::string_view when, std::uint32_t fragment);

  Session& session_;
  Method method_;
  NamedTensors parameters_;
  std::vector<Fragment> fragments_;
  SharedState shared_;
  PrivateState own_;
  BufferPool buffers_;  // of contributions
  bool finished_ = false;
};

// The outer loop that the options ask for.
std::unique_ptr<Synchronizer> make_synchronizer(Session& session, NamedTensors parameters,
                                                DiLoCoOptions options, SharedState shared = {},
                                                PrivateState own = {});

}  // namespace outrigger
