// What a training loop of one's own sees and brings along.
#include <ATen/ops/full.h>

#include <cmath>

#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::api_test {
namespace {

// Mutations: in DiLoCo::apply leave report.outcome empty; in global_parameters give all tensors
// offset 0; in FragmentSync::apply leave shared_.version alone.
TEST_CASE("global parameters, momentum, outcomes and the timetable can be read after each step") {
  DiLoCoOptions options;
  options.every = 6;
  options.fragments = 2;
  options.delay = 2;
  options.outer = {.optimizer = "nesterov", .lr = 0.5, .momentum = 0.5};
  CoordinatorConfig config;
  config.fragments = 2;
  std::vector<int> mistakes(2, 0);
  run_islands(config, 2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = {{"layers.0.w", at::full({3, 5}, 1.0F)},
                               {"layers.1.w", at::full({7}, 2.0F)},
                               {"layers.2.w", at::full({4}, 3.0F)}};
    DiLoCo diloco(session, parameters, options);
    std::vector<std::uint64_t> applied(2, 0);
    for (std::uint64_t step = 1; step <= 20; ++step) {
      for (const NamedTensor& parameter : parameters) parameter.tensor.sub_(0.25);
      const Boundary due = diloco.timetable().at(step);
      const std::vector<RoundReport> reports = diloco.step(3);
      mistakes[island] += reports.size() != due.applies.size();
      for (std::size_t k = 0; k < reports.size(); ++k) {
        const RoundOutcome& outcome = reports[k].outcome;
        mistakes[island] += outcome.round != RoundId{due.applies[k], applied[due.applies[k]]++};
        mistakes[island] += outcome.contributors.size() != 2 || !outcome.included;
        mistakes[island] += outcome.weights[0] != outcome.weights[1];
        mistakes[island] += reports[k].step != step;
      }
      const NamedTensors global = diloco.global_parameters();
      // Blocks 0 and 2 are fragment 0's, one behind the other.
      mistakes[island] +=
          global[2].tensor.data_ptr<float>()[0] != diloco.shared().fragments[0].global[15];
      mistakes[island] +=
          global[2].tensor.data_ptr<float>()[0] == diloco.shared().fragments[0].global[0];
      for (std::size_t p = 0; p < 2; ++p) {
        const SharedState::Fragment& state = diloco.shared().fragments[p];
        mistakes[island] += state.version.number != applied[p];
        mistakes[island] += global[p].name != parameters[p].name;
        mistakes[island] += global[p].tensor.data_ptr<float>()[0] != state.global[0];
        mistakes[island] += (state.slots[0][0] != 0) != (applied[p] > 0);
        // The same move everywhere, so the momentum is that of one value.
        mistakes[island] += state.slots[0].front() != state.slots[0].back();
      }
    }
    diloco.finish();
  });
  CHECK(mistakes == std::vector<int>{0, 0});
}

class Half final : public OuterOptimizer {
 public:
  std::string_view name() const override { return "test_half"; }
  std::vector<std::string> slots() const override { return {}; }
  void step_block(std::span<float> theta, std::span<const float> g,
                  std::span<const std::span<float>>, const OuterStep&) const override {
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] -= g[i] / 2;
  }
};

// Twice the first contribution; counts its rounds.
class First final : public Aggregation {
 public:
  std::string_view name() const override { return "test_first"; }
  std::size_t statistics(std::size_t) const override { return 1; }
  std::shared_ptr<const Reducer> reducer(const Borders&, std::span<const double>) const override {
    struct TakesFirst final : Reducer {
      void reduce(const Reduction&, std::span<const std::span<const float>> inputs,
                  std::span<float> out) const override {
        std::copy(inputs[0].begin(), inputs[0].end(), out.begin());
      }
    };
    return std::make_shared<TakesFirst>();
  }
  Judgement settle(const RoundFacts&, std::span<const double>,
                   std::span<double> statistics) const override {
    statistics[0] += 1;
    return {false, {2.0F}};
  }
};

// Mutations: in make_outer_optimizer leave registrations() out; in FragmentSync::scale ignore a
// single scale.
TEST_CASE("rules that a user registers work under their names, and a taken name is refused") {
  register_outer_optimizer("test_half",
                           [](const OuterOptions&) { return std::make_unique<Half>(); });
  register_aggregation("test_first",
                       [](const AggregationOptions&) { return std::make_unique<First>(); });
  CHECK_THROWS_AS(register_outer_optimizer("test_half", {}), Error);
  CHECK_THROWS_AS(register_outer_optimizer("nesterov", {}), Error);
  CHECK_THROWS_AS(register_aggregation("mean", {}), Error);
  DiLoCoOptions options;
  options.every = 1;
  options.outer.optimizer = "test_half";
  options.aggregation.rule = "test_first";
  std::vector<float> ends(2);
  std::vector<double> rounds(2);
  run_islands(2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = {{"w", at::full({4}, 1.0F)}};
    DiLoCo diloco(session, parameters, options);
    parameters[0].tensor.sub_(island == 0 ? 0.5 : 100.0);
    diloco.step(1);
    ends[island] = parameters[0].tensor.data_ptr<float>()[2];
    rounds[island] = diloco.shared().fragments[0].statistics[0];
  });
  CHECK(ends == std::vector<float>{0.5F, 0.5F});
  CHECK(rounds == std::vector<double>{1, 1});
}

// Mutation: in FragmentSync::launch call the hook after norms.add.
TEST_CASE("a hook sees and changes the pseudo-gradient before it is sent") {
  DiLoCoOptions options;
  options.every = 1;
  options.outer = {.optimizer = "sgd", .lr = 1.0, .momentum = 0};
  std::vector<double> norms(2);
  std::vector<float> ends(2);
  run_islands(2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = {{"w", at::full({4}, 1.0F)}};
    DiLoCo diloco(session, parameters, options);
    diloco.on_delta = [&](RoundId, std::size_t offset, std::span<float> delta) {
      if (offset == 0 && island == 1) delta[0] = -3;
    };
    for (const RoundReport& report : diloco.step(1)) norms[island] = report.pseudo_gradient_norm;
    ends[island] = parameters[0].tensor.data_ptr<float>()[0];
  });
  CHECK(norms == std::vector<double>{0, 3});
  CHECK(ends == std::vector<float>{2.5F, 2.5F});
}

}  // namespace
}  // namespace outrigger::api_test
