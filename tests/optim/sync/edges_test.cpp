// Where schedules meet what is not their rule: training that is extended, islands that start over,
// rounds that are skipped, payloads of two parts.
#include <ATen/ops/full.h>

#include <cmath>

#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/inner/sgd.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::edges_test {
namespace {

NamedTensors model() {
  return {{"layers.0.w", at::full({20}, 1.0F)}, {"layers.1.w", at::full({20}, 2.0F)}};
}

void move(const NamedTensors& parameters, double by) {
  for (const NamedTensor& parameter : parameters) parameter.tensor.sub_(by);
}

DiLoCoOptions late(std::uint64_t every, std::uint64_t delay, std::uint32_t fragments) {
  DiLoCoOptions options;
  options.every = every;
  options.delay = delay;
  options.fragments = fragments;
  options.outer = {.optimizer = "nesterov", .lr = 0.5, .momentum = 0.5};
  return options;
}

CoordinatorConfig config_of(const DiLoCoOptions& options, std::size_t islands) {
  CoordinatorConfig config;
  configure(make_method(options, islands).value_or_throw(), islands, config);
  return config;
}

// Mutation: in DiLoCo::step apply all of boundary.applies (a round right after its launch, or
// nothing at all).
TEST_CASE("training that goes on after its end starts its late rounds anew") {
  for (const bool eager : {false, true}) {
    for (const std::uint64_t delay : {2, 5}) {
      if (eager && delay != 5) continue;
      CAPTURE(eager, delay);
      DiLoCoOptions options = late(5, delay, 2);
      options.eager = eager;
      std::vector<NamedTensors> ends(2);
      std::vector<std::vector<std::uint64_t>> applied(2);
      run_islands(config_of(options, 2), 2, [&](Session& session, std::size_t island) {
        NamedTensors parameters = model();
        DiLoCo diloco(session, parameters, options);
        for (int step = 1; step <= 9; ++step) {
          move(parameters, 0.1 + 0.01 * static_cast<double>(island));
          diloco.step(1);
        }
        diloco.finish();
        CHECK(diloco.finished());
        for (int step = 10; step <= 23; ++step) {
          move(parameters, 0.1);
          for (const RoundReport& report : diloco.step(1))
            if (report.outcome.round.fragment == 1) applied[island].push_back(report.step);
        }
        diloco.finish();
        for (const NamedTensor& tensor : parameters)
          ends[island].push_back({tensor.name, tensor.tensor.clone()});
      });
      // Fragment 1 applies at 5k. What it launched at 8 (delay 2) or at 5 (delay 5) was applied at
      // the end, after 9.
      CHECK(applied[0] == std::vector<std::uint64_t>{15, 20});
      CHECK(applied[0] == applied[1]);
      for (std::size_t k = 0; k < 2; ++k) CHECK(ends[0][k].tensor.equal(ends[1][k].tensor));
    }
  }
}

// Mutation: in FragmentSync::read_own_delta correct for the newest round whatever it holds.
TEST_CASE("eager: an island that started over sends what it learnt since, and no more") {
  DiLoCoOptions options = late(4, 4, 2);
  options.eager = true;
  std::vector<float> sent;  // by island 1, of fragment 1, from its round 1 on
  run_islands(config_of(options, 2), 2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options);
    diloco.on_delta = [&](RoundId round, std::size_t, std::span<float> delta) {
      if (island == 1 && round.fragment == 1) sent.push_back(delta[0]);
    };
    for (int step = 1; step <= 12; ++step) {
      move(parameters, 0.125);
      // Fragment 0 launches at 2, 6, 10, fragment 1 at 4, 8, 12.
      if (island == 1 && step == 6) parameters[0].tensor.fill_(NAN);
      diloco.step(1);
    }
    diloco.finish();
  });
  REQUIRE(sent.size() >= 3);
  CHECK(sent[0] == Approx(0.5));   // steps 1 to 4
  CHECK(sent[1] == Approx(0.25));  // started over at 6: steps 7 and 8
  CHECK(sent[2] == Approx(0.5));   // steps 9 to 12
}

// Mutation: in PartsReducer::reduce hand the whole block to first_.
TEST_CASE("the rule of a payload of two parts never sees the gap between them") {
  struct Filling final : Reducer {
    void reduce(const Reduction&, std::span<const std::span<const float>> inputs,
                std::span<float> out) const override {
      for (const std::span<const float> input : inputs)
        CHECK((input.size() == 40 && out.size() == 40));
      std::fill(out.begin(), out.end(), 7.0F);
    }
  };
  const Payload payload(40, true);
  CHECK(payload.second() == kDriverBlock);
  CHECK(payload.elements() == kDriverBlock + 40);
  const std::vector<float> input(kDriverBlock, 1.0F);
  std::vector<float> out(kDriverBlock, 9.0F);
  const std::vector<std::span<const float>> inputs = {input, input};
  const std::vector<std::uint64_t> weights = {1, 3};
  const auto reducer = payload.reducer(std::make_shared<Filling>());
  reducer->reduce({{}, weights, {}, 0}, inputs, out);
  CHECK(out[39] == 7.0F);
  CHECK(out[40] == 0.0F);
  CHECK(out.back() == 0.0F);
  reducer->reduce({{}, weights, {}, kDriverBlock}, inputs, out);
  CHECK(out[39] == 1.0F);
}

// Mutation: in PartsReducer::reduce reduce the first part by mean_.
TEST_CASE("a payload of two parts reduces its first as if it were alone") {
  std::vector<std::vector<float>> ends;
  for (const bool two_parts : {false, true}) {
    DiLoCoOptions options = late(2, 0, 1);
    options.aggregation.rule = "rda";
    options.control_variates = two_parts;
    std::vector<float> end;
    run_islands(config_of(options, 3), 3, [&](Session& session, std::size_t island) {
      NamedTensors parameters = model();
      DiLoCo diloco(session, parameters, options);
      for (int step = 1; step <= 2; ++step) {
        parameters[0].tensor.sub_(0.1 * static_cast<double>(island + 1));
        parameters[1].tensor.add_(0.2 * static_cast<double>(island));
        diloco.correct_gradients();
        diloco.step(1);
      }
      if (island == 0) end = diloco.shared().fragments[0].global;
    });
    CHECK(std::all_of(end.begin(), end.end(), [](float x) { return std::isfinite(x); }));
    ends.push_back(end);
  }
  CHECK(ends[0] == ends[1]);
}

class SkipsAll final : public Aggregation {
 public:
  std::string_view name() const override { return "test_skips_all"; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override {
    return std::make_shared<MeanReducer>();
  }
  Judgement settle(const RoundFacts&, std::span<const double>, std::span<double>) const override {
    return {true, {}};
  }
};

// Mutation: in FragmentSync::merge_of leave out open.judgement.skip.
TEST_CASE("a skipped round moves nothing and takes the islands back to the global parameters") {
  register_aggregation("test_skips_all",
                       [](const AggregationOptions&) { return std::make_unique<SkipsAll>(); });
  DiLoCoOptions options = late(2, 0, 1);
  options.aggregation.rule = "test_skips_all";
  options.alpha = 0.5;
  std::vector<float> ends(2);
  run_islands(config_of(options, 2), 2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options);
    for (int step = 1; step <= 4; ++step) {
      move(parameters, 0.3);
      diloco.step(1);
    }
    ends[island] = parameters[0].tensor.data_ptr<float>()[0];
  });
  CHECK(ends == std::vector<float>{1, 1});
}

// Mutation (each): leave the complaint out.
TEST_CASE("methods that do not go together are refused with the reason") {
  const auto refused = [](const DiLoCoOptions& options, const std::string& because) {
    const Result<Method> method = make_method(options, 4);
    return !method.ok() && method.status().message().find(because) != std::string::npos;
  };
  DiLoCoOptions options;
  options.every = 0;
  CHECK(refused(options, "every is 0"));
  CHECK(refused(late(3, 0, 4), "4 fragments need 4 inner steps"));
  CHECK(refused(late(3, 4, 1), "at most every = 3 steps late"));
  options = late(3, 3, 1);
  options.merge = "blend";
  CHECK(refused(options, "there are mix, carry"));
  options = late(3, 3, 1);
  options.alpha = 1.5;
  CHECK(refused(options, "alpha is 1.5"));
  options.alpha = 0;
  options.eager = true;
  CHECK(make_method(options, 4).ok());
  options.aggregation.rule = "median";
  CHECK(refused(options, "eager needs the aggregation rule mean or uniform"));
  options.aggregation.rule = "mean";
  options.outer.optimizer = "adam";
  CHECK(refused(options, "an outer rule that is linear"));
  options.outer.optimizer = "nesterov";
  options.outer_schedule.kind = ScheduleKind::kCosine;
  CHECK(refused(options, "a constant outer learning rate"));
  options = late(3, 2, 1);
  options.eager = true;
  CHECK(refused(options, "eager needs delay = every"));
  options = late(3, 1, 1);
  options.outer.optimizer = "noloco";
  CHECK(refused(options, "noloco exchanges at once"));
  options.outer.optimizer = "delayed_nesterov";
  CHECK(refused(options, "takes whole models one by one"));
}

}  // namespace
}  // namespace outrigger::edges_test
