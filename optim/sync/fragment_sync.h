#pragma once

#include <functional>
#include <span>
#include <vector>

#include <outrigger/comm/buffer_pool.h>
#include <outrigger/comm/membership/session.h>
#include <outrigger/optim/sync/payload.h>
#include <outrigger/optim/sync/synchronizer.h>
#include <outrigger/optim/sync/tensor_norms.h>

namespace outrigger {

// The low-rank method of a fragment's next round, whose rank is in SharedState's `ranks`.
LowRank low_rank_of(const Method& method, const Fragment& fragment,
                    const std::vector<double>& ranks);
// The result of a settled round of it, decoded.
std::vector<float> decode_factors(const OpenRound& open);

// One fragment's rounds on one island: launch, settle, apply (shared/protocol.md, "A round"). When
// is DiLoCo's matter. Holds references to the state, which must outlive it. Throws Error.
class FragmentSync {
 public:
  // `buffers`: where contributions are encoded; the fragments of a model may share them.
  FragmentSync(Session& session, const Method& method, const Fragment& fragment,
               SharedState::Fragment& shared, PrivateState::Fragment& own, BufferPool buffers);

  // Adds FedProx's term and the control variates to the parameters' gradients, as the options say.
  void correct_gradients();

  struct Launched {
    bool finite = true;
    double norm = 0;  // of the pseudo-gradient
  };
  // Encodes and announces the next round. REQUIRES: open rounds are settled.
  Launched launch(const DeltaHook& hook);

  // Low rank: sends what an exchange that has ended in the meantime made possible. Never blocks.
  void advance();

  // Waits for the outcome of the open round and judges it. Does nothing if that is done.
  void settle(OpenRound& open);

  // How the local parameters take the new global ones.
  enum class Merging {
    kAsOptions,
    kCarry,      // whatever the options say: at tau = H, when no launch stands beside the apply
    kOverwrite,  // the end: every island takes the global parameters
  };
  // Settles and applies the oldest open round, and returns its outcome.
  RoundOutcome apply(Merging merging);

  // Eager: puts the local parameters where this island's newest contribution is already in them.
  void place_eagerly();

  // One round of the local parameters themselves, in fp32: afterwards every island holds their
  // mean, and the outer optimizer's buffers are 0. Ends a run of replicas that differ.
  RoundOutcome average();

  // The local parameters become the global ones; what they held is gone.
  void start_over();

 private:
  std::size_t elements() const { return shared_.global.size(); }
  std::span<float> global(std::size_t offset, std::size_t count) {
    return std::span(shared_.global).subspan(offset, count);
  }
  // Calls visit(offset, count) for each tile (Method::tile), on several threads if it is large.
  // Throws the first failure.
  void each_block(const std::function<Status(std::size_t offset, std::size_t count)>& visit) const {
    each_block(method_.threads, visit);
  }
  void each_block(std::size_t threads,
                  const std::function<Status(std::size_t offset, std::size_t count)>& visit) const;
  Status decode_own(const OpenRound& open, std::size_t offset, std::span<float> values) const;
  Status read_included(const OpenRound& open, std::size_t offset, std::span<float> values) const;
  void read_own_delta(std::size_t offset, std::span<float> delta) const;
  void feed_back(std::size_t offset, std::span<float> delta) const;
  void fill_block(OpenRound& open, const DeltaHook& hook, TensorNorms& norms, std::size_t offset,
                  std::span<float> values) const;
  void encode(OpenRound& open, const DeltaHook& hook, TensorNorms& norms);
  void announce(const OpenRound& open, RoundId round, const Version& base,
                std::vector<double> norms, std::size_t elements,
                std::shared_ptr<const ByteBuffer> encoded);
  std::vector<float> memory();

  // fragment_low_rank.cpp
  void launch_low_rank(OpenRound& open, const DeltaHook& hook, TensorNorms& norms);
  void send_first(OpenRound& open, const Version& base);
  void finish_first(OpenRound& open);
  void send_second(OpenRound& open, const Version& base);
  void take_factors(OpenRound& open);
  std::shared_ptr<ByteBuffer> encode_flat(OpenRound& open, RoundId round,
                                          std::span<const float> values) const;
  Status read_result(const OpenRound& open, std::size_t offset, std::span<float> values) const;
  void fill_second(std::size_t offset, std::span<float> values) const;
  double estimated_share() const;
  Version newest() const;
  void judge(OpenRound& open);
  void take_variate(const OpenRound& open);
  void take_residual(OpenRound& open);
  Status step_block(const OpenRound& open, std::size_t offset, std::span<float> g);
  enum class Merge { kNone, kMix, kCarry, kOverwrite };
  Merge merge_of(const OpenRound& open, Merging merging) const;
  Status merge_block(const OpenRound& open, Merge merge, std::size_t offset,
                     std::span<float> before) const;
  void scale(const Judgement& judgement, std::size_t offset, std::span<float> g) const;

  Session& session_;
  const Method& method_;
  const Fragment& fragment_;
  SharedState::Fragment& shared_;
  PrivateState::Fragment& own_;
  Payload payload_;
  BufferPool buffers_;
  std::vector<std::vector<float>> spare_;  // memory of rounds that are applied, for the next ones
};

}  // namespace outrigger
