#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/membership/coordinator_config.h>
#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/outer/outer_optimizer.h>
#include <outrigger/optim/outer/schedule.h>
#include <outrigger/optim/sync/fragment.h>
#include <outrigger/optim/sync/timetable.h>

namespace outrigger {

struct DiLoCoOptions {
  std::uint64_t every = 100;    // H: inner steps between two rounds of a fragment
  std::uint32_t fragments = 1;  // P
  std::uint64_t delay = 0;      // tau: inner steps from a launch to its apply; H: one round late
  std::string codec = "fp32";   // of the pseudo-gradient: fp32, bf16, int8
  std::string result_codec = "auto";  // of the average on its way back: auto is fp32 for fp32, bf16
                                      // for the rest
  std::string pattern = "strided";    // how the model is cut: see fragment.h
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
  std::uint64_t check_every = 10;  // rounds between two comparisons of the whole state; 0: never
};

// The codec of the average for `codec` and `result_codec` as in DiLoCoOptions.
Result<const Codec*> find_result_codec(const std::string& codec, const std::string& result_codec);

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

  bool gossips() const { return outer->gossips(); }
  // Of the outer learning rate, in a fragment's round.
  double lr_factor(std::uint64_t round) const {
    return outer_lr_factor(options.outer_schedule, round);
  }
  bool two_parts() const { return gossips() || options.control_variates; }
};

// InvalidArgument says which options do not go together; NotFound names what there is instead of a
// wrong name.
Result<Method> make_method(DiLoCoOptions options, std::size_t islands);

// What a job's coordinator has to know of the method: fragments, weights, modes.
void configure(const Method& method, std::size_t islands, CoordinatorConfig& config);

}  // namespace outrigger
