#include <fmt/format.h>

#include <outrigger/optim/aggregate/edit.h>
#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/aggregate/median.h>
#include <outrigger/optim/aggregate/norm_clip.h>
#include <outrigger/optim/aggregate/rda.h>
#include <outrigger/optim/aggregate/sign_vote.h>
#include <outrigger/optim/registrations.h>

namespace outrigger {
namespace {

using Made = Result<std::unique_ptr<Aggregation>>;

template <class Rule, class... Arguments>
Made make(Arguments... arguments) {
  return std::unique_ptr<Aggregation>(new Rule(arguments...));
}

Status check(const AggregationOptions& options) {
  if (!(options.trim > 0 && options.trim < 0.5))
    return {Code::kInvalidArgument,
            fmt::format("trim is {}; it must be above 0 and below 0.5", options.trim)};
  if (!(options.clip >= 0))
    return {Code::kInvalidArgument,
            fmt::format("clip is {}; it must be a norm, or 0 for the median", options.clip)};
  if (!(options.edit_clip > 0))
    return {Code::kInvalidArgument,
            fmt::format("edit's clip is {}; it must be above 0", options.edit_clip)};
  return {};
}

Registrations<MakeAggregation>& registrations() {
  static Registrations<MakeAggregation> all;
  return all;
}

}  // namespace

void register_aggregation(const std::string& name, MakeAggregation make_own) {
  AggregationOptions options;
  options.rule = name;
  if (make_aggregation(options).ok())
    throw Error(
        {Code::kInvalidArgument, fmt::format("there is an aggregation rule '{}' already", name)});
  registrations().add("aggregation rule", name, std::move(make_own));
}

Result<std::unique_ptr<Aggregation>> make_aggregation(const AggregationOptions& options) {
  if (const Status status = check(options); !status.ok()) return status;
  if (options.rule == "mean") return make<MeanAggregation>(false);
  if (options.rule == "uniform") return make<MeanAggregation>(true);
  if (options.rule == "norm_clip") return make<NormClip>(options.clip);
  if (options.rule == "edit")
    return make<Edit>(static_cast<double>(options.edit_history), options.edit_clip);
  if (options.rule == "rda") return make<Rda>();
  if (options.rule == "median") return make<Median>();
  if (options.rule == "trimmed_mean") return make<TrimmedMean>(options.trim);
  if (options.rule == "sign_vote") return make<SignVote>();
  if (const auto own = registrations().find(options.rule)) return (*own)(options);
  return Status(Code::kNotFound,
                fmt::format("there is no aggregation rule '{}'; there are mean, uniform, "
                            "norm_clip, edit, rda, median, trimmed_mean, sign_vote",
                            options.rule));
}

}  // namespace outrigger
