#include <fmt/format.h>

#include <outrigger/optim/aggregate/mean.h>

namespace outrigger {

Result<std::unique_ptr<Aggregation>> make_aggregation(const AggregationOptions& options) {
  if (options.rule == "mean" || options.rule == "uniform")
    return std::unique_ptr<Aggregation>(new MeanAggregation(options.rule == "uniform"));
  return Status(
      Code::kNotFound,
      fmt::format("there is no aggregation rule '{}'; there are mean, uniform", options.rule));
}

}  // namespace outrigger
