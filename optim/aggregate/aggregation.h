#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/collective/reducer.h>
#include <outrigger/comm/membership/weights.h>
#include <outrigger/comm/status.h>

namespace outrigger {

struct AggregationOptions {
  std::string rule = "mean";  // sync.aggregate
  double clip = 0;            // norm_clip: the largest norm; 0: the median of the norms
  double trim = 0.2;          // trimmed_mean: what is dropped at either end; above 0, below 0.5
  std::uint64_t edit_history = 120;  // edit: rounds of an island before it can be an outlier
  double edit_clip = 10;             // edit: largest norm of the result
};

// Where a fragment's tensors lie in it: tensor t has the values [borders[t], borders[t + 1]).
using Borders = std::vector<std::size_t>;

// What a round's contributors announced and the close fixed, in the closed order. norms[k][0] is
// the 2-norm of contributor k's whole pseudo-gradient, norms[k][1 + t] of its tensor t, both before
// encoding.
struct RoundFacts {
  std::span<const MemberId> contributors;
  std::span<const std::uint64_t> weights;
  std::span<const std::vector<double>> norms;
  std::span<const std::size_t> borders;  // the fragment's Borders
};

// What becomes of the reduced values before the outer step sees them.
struct Judgement {
  bool skip = false;          // no outer step: theta_global stays; local parameters go back to it
  std::vector<float> scales;  // the factor of each tensor; one: of all; empty: 1
};

// How the islands' pseudo-gradients become one (`sync.aggregate`). The sums over values are a
// Reducer's, sharded and blockwise; what needs whole norms works on scalars: the announced ones,
// and those of the decoded result. Both run on every member with the same bits: fp64 sums in a
// fixed order, no exp (weights that need it are the close's: weights()). Stateless: what a rule
// remembers are `statistics` doubles a fragment, which are SharedState's, start at 0, and are as
// they were when the round before was settled.
class Aggregation {
 public:
  virtual ~Aggregation() = default;
  virtual std::string_view name() const = 0;

  // Which integers the coordinator puts into the close.
  virtual WeightRule weights() const { return WeightRule::kTokens; }
  // Whether the result is a weighted mean with fixed weights, so that an island's part of it is
  // known beforehand, and a part of the islands has a mean of its own.
  virtual bool linear() const { return false; }
  virtual std::size_t statistics([[maybe_unused]] std::size_t islands) const { return 0; }

  // The reducer of one round of a fragment. Copies what it needs.
  virtual std::shared_ptr<const Reducer> reducer(const Borders& borders,
                                                 std::span<const double> statistics) const = 0;

  // Whether settle() wants the result's norms, laid out like an announcement's.
  virtual bool needs_result_norms() const { return false; }
  // Once a round, in the order of rounds, when its result is here: judges it with the statistics
  // that its reducer saw, and brings them up to date.
  virtual Judgement settle([[maybe_unused]] const RoundFacts& facts,
                           [[maybe_unused]] std::span<const double> result_norms,
                           [[maybe_unused]] std::span<double> statistics) const {
    return {};
  }
};

// By `sync.aggregate`; NotFound names what exists.
Result<std::unique_ptr<Aggregation>> make_aggregation(const AggregationOptions& options);

// Makes a rule of one's own known under a name that is not taken (InvalidArgument). Thread-safe.
// Every process of a job must register the same.
using MakeAggregation = std::function<std::unique_ptr<Aggregation>(const AggregationOptions&)>;
void register_aggregation(const std::string& name, MakeAggregation make);

}  // namespace outrigger
