#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <outrigger/comm/membership/session.h>
#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/sync/low_rank.h>

namespace outrigger {

// A synchronised run's state has two kinds, and no other (shared/protocol.md, "State has two
// kinds").

// Equal on every island, to the bit: hashed, checkpointed, given to joiners. (Under a rule whose
// replicas differ, each island has its own.)
struct SharedState {
  struct Fragment {
    Version version;                        // of the last applied round
    std::vector<float> global;              // theta_global, in the fragment's order
    std::vector<std::vector<float>> slots;  // the outer optimizer's, in the order of slots()
    std::vector<double> statistics;         // the aggregation rule's, as of the last settled round
    std::vector<float> variate;             // the global control variate c; empty without
    std::vector<float> estimate;            // EControl's h (feedback.h); empty without
    std::vector<float> warm;                // low rank: the warm start (low_rank.h)
    std::vector<double> ranks;              // low rank: AdaptiveRank's
  };
  std::vector<Fragment> fragments;
  std::vector<Version> arrivals;  // asynchronous: of each island's own rounds; else empty
};

// What an open round of two exchanges holds (low_rank.h).
struct OpenLowRank {
  LowRank method;
  std::vector<double> norms;     // as announced
  std::optional<RoundId> first;  // the first exchange, while its result is awaited
  Version before;                // that the second exchange starts from
  RoundPhases phases;            // of the first exchange
  std::vector<float> basis;      // B
  std::vector<float> factors;    // the second result, decoded
  std::uint64_t exchanges() const { return method.first_elements() > 0 ? 2 : 1; }
};

// A round that this island launched and has not applied.
struct OpenRound {
  RoundId round;             // low rank: of the last exchange
  std::uint64_t tokens = 0;  // as announced
  bool finite = true;
  std::shared_ptr<const std::vector<std::byte>> encoded;  // this island's contribution
  std::vector<float> lost;   // what error feedback gets back, once the round is settled
  std::vector<float> delta;  // the pseudo-gradient before the residual came in, where it is needed
  std::shared_ptr<OpenLowRank> low_rank;  // null without
  double held = 1;   // how much of the contribution theta_local still holds: 1 until an apply mixes
  double share = 0;  // of the contribution in the mean, as an eager island estimates it
  std::optional<RoundOutcome> outcome;  // there once the round is settled
  Judgement judgement;                  // likewise
  bool restored = false;                // from a checkpoint: this session knows nothing of it
};

// Its number counted in outer steps.
inline std::uint64_t outer_round(const OpenRound& open) {
  return open.round.number / (open.low_rank ? open.low_rank->exchanges() : 1);
}

// One island's own. Its parameters and inner moments are the training loop's.
struct PrivateState {
  struct Fragment {
    std::uint64_t tokens = 0;         // since this island was last included
    std::deque<OpenRound> open;       // in the order of rounds; at most two
    std::vector<float> lead;          // eager: its own contributions as outer momentum filters them
    std::vector<float> variate;       // the local control variate c_i
    std::vector<float> residual;      // of error feedback, as of the last settled round
    std::vector<float> estimate;      // EControl's h_i
    std::vector<float> gradient_sum;  // of the inner steps since the last launch
    std::uint64_t gradients = 0;      // how many
    std::vector<float>
        anchor;               // asynchronous: the global parameters that this island last received
    std::uint64_t since = 0;  // asynchronous: inner steps since then
  };
  std::uint64_t step = 0;  // inner steps done
  std::vector<Fragment> fragments;
};

// The outer optimizer's slots for the `count` values from `offset` on.
std::vector<std::span<float>> slots_at(SharedState::Fragment& fragment, std::size_t offset,
                                       std::size_t count);

// Throws Corruption unless the round's version is the one after `before`, by its chain too.
void check_continues(const Version& before, const RoundOutcome& outcome);

// The hash that islands compare: of theta_global and what belongs to it, in blocks of 1 MiB.
Hash128 hash_state(const SharedState::Fragment& fragment);

}  // namespace outrigger
