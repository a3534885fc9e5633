#include <outrigger/optim/aggregate/aggregation.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: give "median" to TrimmedMean.
TEST_CASE("aggregation rules are found by name, and a wrong name is told the right ones") {
  for (const char* name :
       {"mean", "uniform", "norm_clip", "edit", "rda", "median", "trimmed_mean", "sign_vote"}) {
    const auto rule = make_aggregation({.rule = name});
    REQUIRE(rule.ok());
    CHECK((*rule)->name() == name);
    const auto unknown = make_aggregation({.rule = "men"});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.status().message().find(name) != std::string::npos);
  }
}

// Mutation: leave one of the checks out.
TEST_CASE("aggregation options out of their range are refused") {
  for (const AggregationOptions& wrong :
       {AggregationOptions{.trim = 0}, AggregationOptions{.trim = 0.5},
        AggregationOptions{.clip = -1}, AggregationOptions{.clip = NAN},
        AggregationOptions{.edit_clip = 0}})
    CHECK(make_aggregation(wrong).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace outrigger
