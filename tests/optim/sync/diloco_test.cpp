#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <outrigger/optim/inner/adamw.h>
#include <outrigger/optim/inner/sgd.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger {
namespace {

at::Tensor seeded(std::vector<std::int64_t> shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  at::Tensor tensor = at::zeros(shape);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<float>()[i] = normal(random);
  return tensor;
}

// A model of two parameters with odd sizes. The gradient is a fixed function of the step and the
// values.
NamedTensors small_model() {
  return {{"a", seeded({7, 13}, 1)}, {"b", seeded({5}, 2)}};
}

void set_gradients(const NamedTensors& parameters, std::uint64_t seed) {
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const at::Tensor& tensor = parameters[k].tensor;
    tensor.mutable_grad() = tensor.detach() * 0.1 + seeded(tensor.sizes().vec(), seed * 10 + k);
  }
}

std::vector<float> flat(const NamedTensors& parameters) {
  std::vector<float> values;
  for (const NamedTensor& parameter : parameters) {
    const float* data = parameter.tensor.data_ptr<float>();
    values.insert(values.end(), data, data + parameter.tensor.numel());
  }
  return values;
}

InnerOptions adamw() {
  InnerOptions options;
  options.weight_decay = 0.1;
  return options;
}

DiLoCoOptions plain_average(std::uint64_t every) {
  DiLoCoOptions options;
  options.every = every;
  options.outer = {.optimizer = "sgd", .lr = 1.0, .momentum = 0.0};
  return options;
}

// Rows of a linear regression, shared out unevenly; the gradient of the mean squared error over
// `rows`.
struct Regression {
  at::Tensor inputs = seeded({9, 6}, 3), targets = seeded({9, 1}, 4);
  at::Tensor gradient(const at::Tensor& weights, std::int64_t begin, std::int64_t rows) const {
    const at::Tensor x = inputs.narrow(0, begin, rows);
    return at::mm(x.t(), at::mm(x, weights) - targets.narrow(0, begin, rows)) *
           (2.0 / static_cast<double>(rows));
  }
};

// Mutation: in FragmentSync::launch give contribution.tokens = 1 (an unweighted mean).
TEST_CASE(
    "K islands with H = 1, inner SGD and outer SGD of lr 1 are data parallel on the joined batch") {
  const std::vector<std::int64_t> first_row = {0, 4, 7}, rows = {4, 3, 2};
  const Regression problem;
  at::Tensor joined = seeded({6, 1}, 5);
  for (int step = 0; step < 30; ++step) joined -= 0.05 * problem.gradient(joined, 0, 9);

  std::vector<float> differences(3, 1);
  run_islands(3, [&](Session& session, std::size_t island) {
    NamedTensors model = {{"w", seeded({6, 1}, 5)}};
    InnerOptions options;
    options.weight_decay = 0;
    InnerSgd inner(model, options);
    DiLoCo diloco(session, model, plain_average(1));
    for (int step = 0; step < 30; ++step) {
      model[0].tensor.mutable_grad() =
          problem.gradient(model[0].tensor, first_row[island], rows[island]);
      inner.step(0.05);
      diloco.step(static_cast<std::uint64_t>(rows[island]));
    }
    differences[island] = (model[0].tensor - joined).abs().max().item<float>();
  });
  for (const float difference : differences) CHECK(difference < 1e-6);
}

// What each island of a run holds in the end. Assertions are made on it by the main thread: Catch2
// has no others.
struct End {
  std::vector<float> parameters, global;
  Hash128 chain;
};

void train(Session& session, std::size_t island, const DiLoCoOptions& options, std::uint64_t steps,
           End& end) {
  NamedTensors model = small_model();
  AdamW inner(model, adamw());
  DiLoCo diloco(session, model, options);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    set_gradients(model, step * 100 + island);
    inner.step(1e-2);
    diloco.step(16);
  }
  diloco.finish();
  end = {flat(model), diloco.shared().fragments[0].global,
         diloco.shared().fragments[0].version.chain};
}

// Mutation: in FragmentSync::merge_block write `before` instead of `local` back.
TEST_CASE("all islands are equal to the bit in the end, for each codec, topology and transport") {
  const std::string codec = GENERATE("fp32", "bf16", "int8");
  const std::string topology = GENERATE("direct", "gather");
  CAPTURE(codec, topology);
  DiLoCoOptions options;
  options.every = 5;
  options.codec = codec;
  options.check_every = 1;
  std::vector<std::vector<float>> results;
  for (const Wire wire : {Wire::kInProcess, Wire::kGrpc}) {
    std::vector<End> ends(3);
    run_islands(
        3,
        [&](Session& session, std::size_t island) {
          train(session, island, options, 12, ends[island]);
        },
        topology, wire);
    for (const End& end : ends) {
      CHECK(end.parameters == ends[0].parameters);
      CHECK(end.parameters == end.global);
      CHECK(end.chain == ends[0].chain);
    }
    CHECK(ends[0].parameters != flat(small_model()));
    results.push_back(ends[0].parameters);
  }
  CHECK(results[0] == results[1]);
}

// Mutation: in DiLoCo's constructor leave out compare_states.
TEST_CASE("islands that start from other parameters are refused before the first step") {
  std::vector<Status> refusals(2);
  run_islands(2, [&](Session& session, std::size_t island) {
    NamedTensors model = small_model();
    if (island == 1) model[1].tensor.data_ptr<float>()[3] += 1e-3F;
    try {
      DiLoCo diloco(session, model, plain_average(3));
    } catch (const Error& error) {
      refusals[island] = error.status();
    }
  });
  for (const Status& refusal : refusals) {
    CHECK(refusal.code() == Code::kCorruption);
    CHECK(refusal.message().find("must start from the same parameters") != std::string::npos);
  }
}

// Mutation: in DiLoCo::start_over leave out the call of on_reset.
TEST_CASE(
    "an island whose pseudo-gradient is not finite is left out and starts over from the global "
    "parameters") {
  struct Seen {
    std::vector<float> parameters;
    std::vector<RoundReport> reports;
    int resets = 0;
  };
  std::vector<Seen> seen(2);
  run_islands(2, [&](Session& session, std::size_t island) {
    NamedTensors model = small_model();
    AdamW inner(model, adamw());
    DiLoCo diloco(session, model, plain_average(2));
    diloco.on_reset = [&] {
      inner.reset_moments();
      ++seen[island].resets;
    };
    for (std::uint64_t step = 1; step <= 4; ++step) {
      set_gradients(model, step * 100 + island);
      if (island == 1 && step == 2) model[0].tensor.mutable_grad().data_ptr<float>()[1] = NAN;
      inner.step(1e-2);
      for (RoundReport& report : diloco.step(1)) seen[island].reports.push_back(std::move(report));
    }
    seen[island].parameters = flat(model);
  });
  CHECK(seen[0].resets == 0);
  CHECK(seen[1].resets == 1);
  for (const Seen& island : seen) {
    REQUIRE(island.reports.size() == 2);
    CHECK(island.reports[0].outcome.contributors.size() == 1);
    CHECK(island.reports[1].outcome.contributors.size() == 2);
    CHECK(island.parameters == seen[0].parameters);
    CHECK(std::all_of(island.parameters.begin(), island.parameters.end(),
                      [](float x) { return std::isfinite(x); }));
  }
  CHECK(seen[1].reports[0].reset);
}

// Mutation: in DiLoCo::step leave out the check of tokens.
TEST_CASE("a step without tokens is refused") {
  run_islands(1, [&](Session& session, std::size_t) {
    DiLoCo diloco(session, small_model(), plain_average(2));
    CHECK_THROWS_AS(diloco.step(0), Error);
  });
}

// Mutation: in check_parameter leave out is_contiguous().
TEST_CASE("parameters that cannot be synchronised are refused by name") {
  run_islands(1, [&](Session& session, std::size_t) {
    NamedTensors model = {{"turned", at::zeros({3, 4}).t()}};
    try {
      DiLoCo diloco(session, model, plain_average(2));
      FAIL_CHECK("nobody noticed");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("'turned'") != std::string::npos);
    }
  });
}

}  // namespace
}  // namespace outrigger
