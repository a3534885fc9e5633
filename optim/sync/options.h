#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/outer/outer_optimizer.h>
#include <outrigger/optim/outer/schedule.h>
#include <outrigger/optim/sync/adaptive_rank.h>
#include <outrigger/optim/sync/feedback.h>
#include <outrigger/optim/sync/fragment.h>
#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

struct DiLoCoOptions {
  std::uint64_t every = 100;    // H: inner steps between two rounds of a fragment
  std::uint32_t fragments = 1;  // P
  std::uint64_t delay = 0;      // tau: inner steps from a launch to its apply; H: one round late
  std::string codec = "fp32";   // of the pseudo-gradient: a name that find_codec knows
  // Of the average on its way back, which has no feedback. auto: the finest of fp32, bf16 and int8
  // that takes no more bytes than `codec` does, or int8.
  std::string result_codec = "auto";
  FeedbackOptions feedback;
  // Matrices as two factors of this rank, in two exchanges a round (low_rank.h); none: as they are.
  std::optional<RankOptions> low_rank;
  std::string rounding = "nearest";         // or stochastic: unbiased, at random (codec.h)
  std::uint64_t seed = 0;                   // of what is random
  std::string pattern = "strided";          // how the model is cut: see fragment.h
  std::vector<std::string> fragment_names;  // instead of fragments and pattern
  std::string merge =
      "mix";           // mix or carry: what an apply does to the local parameters; see merge.h
  double alpha = 0;    // mix: the weight of the local parameters, 0 to 1
  bool eager = false;  // delay = every only: the island's own part of the mean at once
  AggregationOptions aggregation;
  OuterOptions outer;
  OuterSchedule outer_schedule;
  double proximal = 0;             // FedProx: mu; 0: off
  bool control_variates = false;   // SCAFFOLD-style
  std::size_t threads = 0;         // for large fragments; 0: as many as LibTorch may use
  std::uint64_t check_every = 10;  // rounds between two comparisons of the whole state; 0: never
};

FragmentOptions fragment_options(const DiLoCoOptions& options);
std::uint32_t fragment_count(const DiLoCoOptions& options);
Timetable timetable_of(const DiLoCoOptions& options);

// Whether the end of training, after `steps` inner steps, closes the fragment with one more round:
// always, unless the last boundary left every island with the global parameters.
bool closes(const DiLoCoOptions& options, std::uint32_t fragment, std::uint64_t steps);

// Options turned into the objects that they name.
struct Method {
  DiLoCoOptions options;
  const Codec* codec = nullptr;
  const Codec* result_codec = nullptr;
  std::unique_ptr<OuterOptimizer> outer;
  std::unique_ptr<Aggregation> aggregation;

  std::size_t threads = 1;

  // Elements of a tile in passes over a fragment: whole blocks of both codecs, and of fp32, in
  // which gather hands out results: no tile is smaller than its block.
  std::size_t tile() const { return std::max(tile_of(*codec), tile_of(*result_codec)); }
  bool gossips() const { return outer->gossips(); }
  // Whether theta_local keeps an open round's pseudo-gradient, to be taken out of it later.
  bool keeps_lead() const {
    return !options.eager && (options.merge == "carry" || options.delay == options.every);
  }
  // Of the outer learning rate, in a fragment's round.
  double lr_factor(std::uint64_t round) const {
    return outer_lr_factor(options.outer_schedule, round);
  }
  bool two_parts() const { return gossips() || options.control_variates; }
};

// How this island's contribution to a round is encoded; `lost` may be empty.
EncodeOptions encode_options(const Method& method, RoundId round, std::uint32_t island,
                             std::span<float> lost);

// And how a round's result is: the same on every island.
Rounding result_rounding(const Method& method, RoundId round);

// InvalidArgument says which options do not go together; NotFound names what there is instead of a
// wrong name.
Result<Method> make_method(DiLoCoOptions options, std::size_t islands);

// What a job's coordinator has to know of the method: fragments, weights, modes.
void configure(const Method& method, std::size_t islands, CoordinatorConfig& config);

}  // namespace outrigger
