// Error feedback through whole rounds, with inner steps that are known moves: what was sent and
// what is still to come add up to what the islands did, once each. Conformance (5) of
// shared/algorithms.md.
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <random>

#include <outrigger/optim/sync/async_diloco.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::feedback_test {
namespace {

constexpr std::size_t kElements = 5000;

// A matrix that low_rank factors, and a vector behind it.
NamedTensors model() {
  NamedTensors parameters = {{"m", at::zeros({60, 50})}, {"v", at::zeros({2000})}};
  std::size_t i = 0;
  for (const NamedTensor& parameter : parameters)
    for (std::int64_t k = 0; k < parameter.tensor.numel(); ++k)
      parameter.tensor.data_ptr<float>()[k] = std::sin(static_cast<float>(i++));
  return parameters;
}

// Element i of the model, wherever it lies.
float& element(const NamedTensors& parameters, std::size_t i) {
  return i < 3000 ? parameters[0].tensor.data_ptr<float>()[i]
                  : parameters[1].tensor.data_ptr<float>()[i - 3000];
}

double move_of(std::size_t island, std::uint64_t step, std::size_t i) {
  std::mt19937_64 random((island * 1000 + step) * 10000 + i);
  return static_cast<double>(random() % 2001) / 1e5 - 0.01 + 0.002 * static_cast<double>(island);
}

// The outer step takes the mean as it is, so that theta_global only ever moves by what was sent.
DiLoCoOptions options_of(const std::string& codec, double decay) {
  DiLoCoOptions options;
  options.every = 4;
  options.codec = codec;
  options.result_codec = "fp32";
  options.feedback.decay = decay;
  options.aggregation.rule = "uniform";
  options.outer = {.optimizer = "sgd", .lr = 1.0};
  return options;
}

struct End {
  std::vector<double> moved;  // the sum of all inner steps' moves
  std::vector<float> global, residual, estimate, shared_estimate;
};

std::vector<End> train(std::size_t islands, const DiLoCoOptions& options, std::uint64_t steps,
                       bool finish = true) {
  std::vector<End> ends(islands);
  CoordinatorConfig config;
  configure(make_method(options, islands).value_or_throw(), islands, config);
  run_islands(config, islands, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    const auto sync = make_synchronizer(session, parameters, options);
    End& end = ends[island];
    end.moved.assign(kElements, 0);
    for (std::uint64_t step = 1; step <= steps; ++step) {
      for (std::size_t i = 0; i < kElements; ++i) {
        const double move = move_of(island, step, i);
        element(parameters, i) -= static_cast<float>(move);
        end.moved[i] += move;
      }
      sync->step(1);
    }
    if (finish) sync->finish();
    end.global = sync->shared().fragments[0].global;
    end.shared_estimate = sync->shared().fragments[0].estimate;
    end.residual = sync->own().fragments[0].residual;
    end.estimate = sync->own().fragments[0].estimate;
  });
  return ends;
}

// How far theta_0 - theta_global + mean of e is from the islands' mean move, at the worst.
double unaccounted(const std::vector<End>& ends) {
  const NamedTensors start = model();
  double worst = 0;
  for (std::size_t i = 0; i < kElements; ++i) {
    double moved = 0, residual = 0;
    for (const End& end : ends) {
      moved += end.moved[i] / static_cast<double>(ends.size());
      residual += static_cast<double>(end.residual[i]) / static_cast<double>(ends.size());
    }
    const double sent = double{element(start, i)} - double{ends[0].global[i]};
    worst = std::max(worst, std::abs(sent + residual - moved));
  }
  return worst;
}

double largest(const std::vector<float>& values) {
  double worst = 0;
  for (const float value : values) worst = std::max(worst, std::abs(double{value}));
  return worst;
}

}  // namespace

// Mutations: read_delta leaves the residual out; take_residual does not swap; encode() gives no
// `lost`.
TEST_CASE("feedback: at beta 1 what was sent and the residual add up to all moves") {
  for (const char* codec : {"int8", "bf16", "fp4-e3m0", "2-bit", "top-k-64-int8", "sign"})
    for (const std::size_t islands : {1, 3}) {
      const std::vector<End> ends = train(islands, options_of(codec, 1.0), 40);
      CHECK(unaccounted(ends) < 2e-6);  // fp32 sums around 1
      CHECK(largest(ends[0].residual) > 1e-5);
    }
}

// Mutations: in FragmentSync::read_included decode always (work counts twice by what was lost); in
// keeps_lead leave merge == "carry" out.
TEST_CASE("feedback: late rounds count every move once, whatever the merge") {
  for (const std::uint64_t delay : {1, 3, 4})
    for (const char* merge : {"mix", "carry"}) {
      // Between 0 and H a mix drops the steps since the launch, by its design.
      if (delay < 4 && std::string(merge) == "mix") continue;
      DiLoCoOptions options = options_of("int8", 1.0);
      options.delay = delay;
      options.merge = merge;
      CAPTURE(delay, merge);
      CHECK(unaccounted(train(2, options, 42)) < 3e-6);
    }
}

// Mutations: read_delta ignores decay; write_lost's sign.
TEST_CASE("feedback: with decay the residual is v - decode(encode(v)) of Delta + beta e") {
  for (const double beta : {0.5, 0.95}) {
    const DiLoCoOptions options = options_of("int8", beta);
    std::vector<double> residual(kElements, 0);
    std::vector<float> before = train(1, options, 4, false)[0].global;
    const End first = train(1, options, 4, false)[0], second = train(1, options, 8, false)[0];
    double worst = 0;
    for (std::size_t i = 0; i < kElements; ++i) {
      double delta = 0;
      for (std::uint64_t step = 5; step <= 8; ++step) delta += move_of(0, step, i);
      const double sent = double{first.global[i]} - double{second.global[i]};
      const double expected = delta + beta * double{first.residual[i]} - sent;
      worst = std::max(worst, std::abs(expected - double{second.residual[i]}));
    }
    CHECK(worst < 1e-6);
    CHECK(largest(first.residual) > 1e-5);
  }
}

// Mutation: FragmentSync::encode gives own_.residual to EncodeOptions instead of open.lost.
TEST_CASE("feedback: a residual becomes current when its round is settled, not before") {
  DiLoCoOptions options = options_of("int8", 1.0);
  options.delay = 2;
  const auto residual_after = [&](std::uint64_t steps) {
    return train(1, options, steps, false)[0].residual;
  };
  CHECK(largest(residual_after(2)) == 0);  // launched at step 2, applied at step 4
  CHECK(largest(residual_after(3)) == 0);
  const std::vector<float> first = residual_after(4);
  CHECK(largest(first) > 1e-5);
  CHECK((residual_after(7) == first));
  CHECK((residual_after(8) != first));
}

// Mutations: take_in without kept * residual; add_estimate with g instead of estimate + g; without
// included / islands does no harm here, see the next test.
TEST_CASE("econtrol: what was sent and the residual add up, and h is the mean of the h_i") {
  for (const double eta : {0.2, 1.0})
    for (const std::uint64_t delay : {0, 4}) {
      DiLoCoOptions options = options_of("int8", eta);
      options.feedback.rule = "econtrol";
      options.delay = delay;
      const std::vector<End> ends = train(3, options, 40);
      CHECK(unaccounted(ends) < 4e-6);
      double worst = 0;
      for (std::size_t i = 0; i < kElements; ++i) {
        const double mean = (double{ends[0].estimate[i]} + double{ends[1].estimate[i]} +
                             double{ends[2].estimate[i]}) /
                            3;
        worst = std::max(worst, std::abs(mean - double{ends[0].shared_estimate[i]}));
      }
      CHECK(worst < 1e-6);
      CHECK(largest(ends[0].shared_estimate) > 1e-4);
    }
}

// Mutation: add_estimate takes part = 1.
TEST_CASE("econtrol: an island that is left out keeps its estimate, and h stays the mean") {
  std::vector<float> g = {0.6F}, h = {0.2F};
  add_estimate(g, h, 2, 3);  // two islands of three sent a mean of 0.6: h grows by 0.4
  CHECK(std::abs(h[0] - 0.6F) < 1e-7F);
  CHECK(g[0] == h[0]);
}

// Mutation: start_over does not clear own_.residual.
TEST_CASE("feedback: an island that starts over has nothing to feed back") {
  run_islands(1, [&](Session& session, std::size_t) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options_of("int8", 1.0));
    for (std::uint64_t step = 1; step <= 8; ++step) {
      for (std::size_t i = 0; i < kElements; ++i)
        element(parameters, i) -= static_cast<float>(move_of(0, step, i));
      if (step == 8) {
        CHECK(largest(diloco.own().fragments[0].residual) > 0);
        diloco.on_delta = [](RoundId, std::size_t, std::span<float> delta) {
          delta[0] = std::numeric_limits<float>::quiet_NaN();
        };
        try {
          diloco.step(1);
        } catch (const Error&) {  // the only island has nothing to contribute
        }
        CHECK(largest(diloco.own().fragments[0].residual) == 0);
        return;
      }
      diloco.step(1);
    }
  });
}

// Mutations: AsyncDiLoCo::encode_own without add_residual; aggregate() codes a single contribution
// anew (seen with sign, whose mean magnitude is rounded again).
TEST_CASE("feedback: asynchronous islands feed back what they lost") {
  for (const char* codec : {"int8", "sign"}) {
    DiLoCoOptions options = options_of(codec, 1.0);
    options.result_codec = "auto";
    options.outer = {.optimizer = "delayed_nesterov", .lr = 1.0, .momentum = 0.0};
    const std::vector<End> ends = train(2, options, 40);
    CHECK(unaccounted(ends) < 4e-6);
    CHECK(largest(ends[0].residual) > 1e-5);
  }
}

// Mutation: for_each_stretch cuts at elements / threads; TensorNorms with one stretch.
TEST_CASE("feedback: any number of threads gives the bits of one") {
  const auto end = [](std::size_t threads) {
    std::vector<float> global;
    run_islands(1, [&](Session& session, std::size_t) {
      const std::int64_t elements = (std::int64_t{3} << 20) + 1234;
      NamedTensors parameters = {{"a", at::zeros({elements})}, {"b", at::zeros({4097})}};
      DiLoCoOptions options = options_of("int8", 0.9);
      options.every = 1;
      options.threads = threads;
      options.rounding = "stochastic";
      options.aggregation = {.rule = "norm_clip", .clip = 1.0};
      DiLoCo diloco(session, parameters, options);
      for (int step = 0; step < 3; ++step) {
        for (const NamedTensor& tensor : parameters) {
          float* w = tensor.tensor.data_ptr<float>();
          for (std::int64_t i = 0; i < tensor.tensor.numel(); ++i)
            w[i] += 1e-3F * static_cast<float>((i * 7 + step) % 101);
        }
        diloco.step(1);
      }
      global = diloco.shared().fragments[0].global;
    });
    return global;
  };
  const std::vector<float> one = end(1);
  CHECK((end(2) == one));
  CHECK((end(5) == one));
}

// Mutations: send_second leaves `lost` as it is; finish_first gives the basis before make_basis;
// low_rank's open.delta not kept; exchanges() is 1.
TEST_CASE("low rank: what was sent and the residual add up to all moves, whenever it is applied") {
  for (const char* codec : {"fp32", "int8"})
    for (const std::size_t islands : {1, 3})
      for (const std::uint64_t delay : {0, 2, 4}) {
        DiLoCoOptions options = options_of(codec, 1.0);
        options.low_rank = RankOptions{.rank = 4};
        options.delay = delay;
        options.merge = delay == 2 ? "carry" : "mix";
        CAPTURE(codec, islands, delay);
        const std::vector<End> ends = train(islands, options, 40);
        CHECK(unaccounted(ends) < 6e-6);
        CHECK(largest(ends[0].residual) > 1e-3);  // rank 4 of 50 leaves much behind
      }
}

// Mutation: take_factors does not observe(); next_warm gets the old rank.
TEST_CASE("low rank: an adaptive rank falls to what the change needs, and nothing is lost") {
  DiLoCoOptions options = options_of("fp32", 1.0);
  options.low_rank = RankOptions{.rank = 8, .adaptive = true, .lost_energy = 0.05};
  double rank = 0;
  run_islands(2, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options);
    for (std::uint64_t step = 1; step <= 60; ++step) {
      for (std::size_t i = 0; i < 3000; ++i)  // a change of rank 1
        element(parameters, i) -= 1e-3F * static_cast<float>((i / 50) % 7 + 1) *
                                  static_cast<float>((i % 50) % 5 + 1 + island);
      diloco.step(1);
    }
    const SharedState::Fragment& state = diloco.shared().fragments[0];
    CHECK(state.warm.size() == 50 * static_cast<std::size_t>(state.ranks[0]));
    if (island == 0) rank = state.ranks[0];
  });
  CHECK(rank >= 1);
  CHECK(rank <= 2);
}

// Mutations: feedback_complaint without each of its tests in turn.
TEST_CASE("feedback: options that do not go together are refused") {
  const auto refused = [](DiLoCoOptions options) {
    const Result<Method> method = make_method(std::move(options), 2);
    return method.ok() ? std::string() : method.status().message();
  };
  DiLoCoOptions options = options_of("int8", 1.5);
  CHECK(refused(options).find("from 0 to 1") != std::string::npos);
  options = options_of("int8", 0.5);
  options.feedback.rule = "memory";
  CHECK(refused(options).find("residual, econtrol") != std::string::npos);
  options = options_of("int8", 0.5);
  options.rounding = "up";
  CHECK(refused(options).find("nearest, stochastic") != std::string::npos);
  options.rounding = "stochastic";
  options.codec = "fp32";
  CHECK(refused(options).find("fp32 cannot round") != std::string::npos);
  options = options_of("int8", 0.5);
  options.outer.optimizer = "noloco";
  CHECK(refused(options).find("noloco") != std::string::npos);
  options = options_of("int8", 0.5);
  options.feedback.rule = "econtrol";
  CHECK(refused(options).empty());
  options.result_codec = "bf16";
  CHECK(refused(options).find("result codec fp32") != std::string::npos);
  options.result_codec = "auto";
  CHECK(make_method(options, 2)->result_codec->name() == "fp32");
  options.aggregation.rule = "mean";
  CHECK(refused(options).find("uniform") != std::string::npos);
  options = options_of("int8", 0.5);
  options.low_rank = RankOptions{.rank = 4};
  CHECK(refused(options).empty());
  options.aggregation.rule = "median";
  CHECK(refused(options).find("mean or uniform") != std::string::npos);
  options.aggregation.rule = "mean";
  options.result_codec = "top-k-64";
  CHECK(refused(options).find("leaves most of the mean out") != std::string::npos);
  options.result_codec = "auto";
  options.low_rank->rank = 0;
  CHECK(refused(options).find("rank") != std::string::npos);
}

// Mutation: find_result_codec compares with < instead of <=.
TEST_CASE("the result codec that auto takes adds no more bytes than the contribution has") {
  const std::pair<const char*, const char*> choices[] = {
      {"fp32", "fp32"}, {"bf16", "bf16"},           {"fp16", "bf16"}, {"int8", "int8"},
      {"int4", "int8"}, {"top-k-64-2-bit", "int8"}, {"sign", "int8"}};
  for (const auto& [codec, result] : choices) {
    DiLoCoOptions options = options_of(codec, 0);
    options.result_codec = "auto";
    CHECK(make_method(options, 2)->result_codec->name() == result);
  }
}

}  // namespace outrigger::feedback_test
