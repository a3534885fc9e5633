// Every schedule against a plain computation in fp64 that follows the card, not the code: islands
// whose inner steps are known moves, so that nothing else decides.
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <random>

#include <outrigger/comm/collective/gossip.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::schedules_test {
namespace {

constexpr std::size_t kIslands = 3;
constexpr std::size_t kElements = 60;  // of each of kTensors tensors
constexpr std::size_t kTensors = 4;
constexpr double kLr = 0.4, kMomentum = 0.8;

using Values = std::vector<double>;

// What inner step `step` of an island does to a tensor: theta <- 0.97 theta - move.
double move_of(std::size_t island, std::uint64_t step, std::size_t tensor, std::size_t i) {
  std::mt19937_64 random(((island * 1000 + step) * 100 + tensor) * 1000 + i);
  return static_cast<double>(random() % 2001) / 1e5 - 0.01 + 0.004 * static_cast<double>(island);
}

double start_of(std::size_t tensor, std::size_t i) {
  return std::sin(static_cast<double>(1 + tensor * kElements + i));
}

NamedTensors model() {
  NamedTensors parameters;
  for (std::size_t t = 0; t < kTensors; ++t) {
    at::Tensor tensor = at::zeros({static_cast<std::int64_t>(kElements)});
    for (std::size_t i = 0; i < kElements; ++i)
      tensor.data_ptr<float>()[i] = static_cast<float>(start_of(t, i));
    parameters.push_back({"layers." + std::to_string(t) + ".w", tensor});
  }
  return parameters;
}

void inner_step(const NamedTensors& parameters, std::size_t island, std::uint64_t step) {
  for (std::size_t t = 0; t < kTensors; ++t)
    for (std::size_t i = 0; i < kElements; ++i) {
      float& value = parameters[t].tensor.data_ptr<float>()[i];
      value = static_cast<float>(0.97 * value - move_of(island, step, t, i));
    }
}

// One tensor on all islands, as the card has it.
struct Plain {
  std::size_t tensor;
  Values global, momentum = Values(kElements, 0.0);
  std::vector<Values> local;

  explicit Plain(std::size_t t) : tensor(t) {
    for (std::size_t i = 0; i < kElements; ++i) global.push_back(start_of(t, i));
    local.assign(kIslands, global);
  }
  void inner(std::uint64_t step) {
    for (std::size_t m = 0; m < kIslands; ++m)
      for (std::size_t i = 0; i < kElements; ++i)
        local[m][i] = 0.97 * local[m][i] - move_of(m, step, tensor, i);
  }
  std::vector<Values> deltas() const {
    std::vector<Values> all(kIslands, Values(kElements));
    for (std::size_t m = 0; m < kIslands; ++m)
      for (std::size_t i = 0; i < kElements; ++i) all[m][i] = global[i] - local[m][i];
    return all;
  }
};

Values mean_of(const std::vector<Values>& all) {
  Values mean(kElements, 0.0);
  for (const Values& values : all)
    for (std::size_t i = 0; i < kElements; ++i) mean[i] += values[i] / kIslands;
  return mean;
}

void nesterov(Values& theta, Values& momentum, const Values& g) {
  for (std::size_t i = 0; i < kElements; ++i) {
    momentum[i] = kMomentum * momentum[i] + g[i];
    theta[i] -= kLr * (g[i] + kMomentum * momentum[i]);
  }
}

// What each island holds after each of `steps` inner steps: [step - 1][island][tensor].
struct Trace {
  std::vector<std::vector<NamedTensors>> local, global;
};

NamedTensors copy_of(const NamedTensors& tensors) {
  NamedTensors copy;
  for (const NamedTensor& tensor : tensors) copy.push_back({tensor.name, tensor.tensor.clone()});
  return copy;
}

Trace run(DiLoCoOptions options, std::uint64_t steps) {
  options.outer.lr = kLr;
  options.outer.momentum = kMomentum;
  Trace trace;
  trace.local.assign(steps, std::vector<NamedTensors>(kIslands));
  trace.global = trace.local;
  CoordinatorConfig config;
  config.fragments = fragment_count(options);
  run_islands(config, kIslands, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options);
    for (std::uint64_t step = 1; step <= steps; ++step) {
      inner_step(parameters, island, step);
      diloco.step(8);
      trace.local[step - 1][island] = copy_of(parameters);
      trace.global[step - 1][island] = copy_of(diloco.global_parameters());
    }
    diloco.finish();
  });
  return trace;
}

double largest_difference(const at::Tensor& tensor, const Values& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < kElements; ++i)
    largest = std::max(largest, std::abs(tensor.data_ptr<float>()[i] - expected[i]));
  return largest;
}

// The trace after `step` against the plain computation, all tensors of all islands.
double difference(const Trace& trace, std::uint64_t step, const std::vector<Plain>& plain) {
  double largest = 0;
  for (std::size_t m = 0; m < kIslands; ++m)
    for (std::size_t t = 0; t < kTensors; ++t) {
      largest = std::max(largest,
                         largest_difference(trace.local[step - 1][m][t].tensor, plain[t].local[m]));
      largest = std::max(largest,
                         largest_difference(trace.global[step - 1][m][t].tensor, plain[t].global));
    }
  return largest;
}

std::vector<Plain> plain_model() {
  std::vector<Plain> all;
  for (std::size_t t = 0; t < kTensors; ++t) all.emplace_back(t);
  return all;
}

constexpr double kClose = 2e-6;

// The card of streaming: at t take Delta, at t + tau the outer step and the mix. Tensor t is block
// t, so with P fragments it is in fragment t mod P, strided.
// Mutations: in Timetable::at use `delay_ - 1` for the applies; in mix swap alpha and 1 - alpha; in
// FragmentSync::apply take the Delta at the apply.
TEST_CASE("streaming, mixed: fragments in turn, applied tau steps late, as the card has it") {
  for (const auto& [fragments, delay, alpha] :
       {std::tuple{1, 0, 0.0}, {2, 0, 0.0}, {2, 3, 0.0}, {2, 3, 0.5}, {4, 2, 0.25}, {4, 5, 0.5}}) {
    CAPTURE(fragments, delay, alpha);
    constexpr std::uint64_t kEvery = 10, kSteps = 47;
    DiLoCoOptions options;
    options.every = kEvery;
    options.fragments = static_cast<std::uint32_t>(fragments);
    options.delay = static_cast<std::uint64_t>(delay);
    options.alpha = alpha;
    const Trace trace = run(options, kSteps);

    std::vector<Plain> plain = plain_model();
    std::vector<std::vector<Values>> taken(kTensors);
    double largest = 0;
    for (std::uint64_t step = 1; step <= kSteps; ++step) {
      for (Plain& tensor : plain) {
        tensor.inner(step);
        const std::uint64_t p = tensor.tensor % static_cast<std::uint64_t>(fragments);
        const std::uint64_t phase = (p + 1) * kEvery / static_cast<std::uint64_t>(fragments);
        if (step % kEvery == (phase + kEvery - options.delay) % kEvery)
          taken[tensor.tensor] = tensor.deltas();
        if (step % kEvery != phase % kEvery || taken[tensor.tensor].empty()) continue;
        nesterov(tensor.global, tensor.momentum, mean_of(taken[tensor.tensor]));
        for (Values& local : tensor.local)
          for (std::size_t i = 0; i < kElements; ++i)
            local[i] = alpha * local[i] + (1 - alpha) * tensor.global[i];
      }
      largest = std::max(largest, difference(trace, step, plain));
    }
    CHECK(largest < kClose);
  }
}

// Mutations: in carry leave out held * included; in FragmentSync::merge_of return kMix for carry.
TEST_CASE(
    "carry: what an island learnt since the launch goes on top of the new global parameters") {
  constexpr std::uint64_t kEvery = 8, kDelay = 3, kSteps = 40;
  DiLoCoOptions options;
  options.every = kEvery;
  options.delay = kDelay;
  options.merge = "carry";
  const Trace trace = run(options, kSteps);
  std::vector<Plain> plain = plain_model();
  std::vector<std::vector<Values>> taken(kTensors);
  double largest = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    for (Plain& tensor : plain) {
      tensor.inner(step);
      if (step % kEvery == kEvery - kDelay) taken[tensor.tensor] = tensor.deltas();
      if (step % kEvery != 0) continue;
      const Values before = tensor.global;
      nesterov(tensor.global, tensor.momentum, mean_of(taken[tensor.tensor]));
      for (std::size_t m = 0; m < kIslands; ++m)
        for (std::size_t i = 0; i < kElements; ++i) {
          const double at_launch = before[i] - taken[tensor.tensor][m][i];
          tensor.local[m][i] = tensor.global[i] + (tensor.local[m][i] - at_launch);
        }
    }
    largest = std::max(largest, difference(trace, step, plain));
  }
  CHECK(largest < kClose);
}

// One-step-delayed (card 3.1): the reduction of one phase's work has the whole next phase.
// Mutations: in FragmentSync::read_own_delta leave out the open rounds (work counts twice under
// carry); in DiLoCo::step apply before launching (every Delta after the first is 0).
TEST_CASE("one step delayed: each phase's work counts once, one round late") {
  const bool carries = GENERATE(false, true);
  CAPTURE(carries);
  constexpr std::uint64_t kEvery = 6, kSteps = 40;
  DiLoCoOptions options;
  options.every = options.delay = kEvery;
  options.merge = carries ? "carry" : "mix";
  const Trace trace = run(options, kSteps);
  std::vector<Plain> plain = plain_model();
  // Of each tensor and island: where the present phase began, and the work of the one before.
  std::vector<std::vector<Values>> began(kTensors), work(kTensors);
  for (std::size_t t = 0; t < kTensors; ++t) began[t] = plain[t].local;
  double largest = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    for (Plain& tensor : plain) {
      tensor.inner(step);
      if (step % kEvery != 0) continue;
      std::vector<Values>& old = work[tensor.tensor];
      std::vector<Values> fresh(kIslands, Values(kElements));
      for (std::size_t m = 0; m < kIslands; ++m)
        for (std::size_t i = 0; i < kElements; ++i)
          fresh[m][i] = began[tensor.tensor][m][i] - tensor.local[m][i];
      if (!old.empty()) {
        nesterov(tensor.global, tensor.momentum, mean_of(old));
        for (std::size_t m = 0; m < kIslands; ++m)
          for (std::size_t i = 0; i < kElements; ++i)
            tensor.local[m][i] = tensor.global[i] - (carries ? fresh[m][i] : 0.0);
      }
      old = fresh;
      began[tensor.tensor] = tensor.local;
    }
    largest = std::max(largest, difference(trace, step, plain));
  }
  CHECK(largest < kClose);
}

// Debunked: "apply, then launch" at tau = H. Mutation: as above, apply before launching.
TEST_CASE("at tau = H with alpha = 0 no pseudo-gradient is zero") {
  DiLoCoOptions options;
  options.every = options.delay = 5;
  options.fragments = 2;
  CoordinatorConfig config;
  config.fragments = 2;
  std::vector<double> norms;
  run_islands(config, kIslands, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    DiLoCo diloco(session, parameters, options);
    for (std::uint64_t step = 1; step <= 43; ++step) {
      inner_step(parameters, island, step);
      for (const RoundReport& report : diloco.step(1))
        if (island == 0) norms.push_back(report.pseudo_gradient_norm);
    }
    diloco.finish();
  });
  REQUIRE(norms.size() > 12);
  for (const double norm : norms) CHECK(norm > 1e-3);
}

// Eager (card 3.2), each island with an outer optimizer of its own, as the paper writes it.
// Mutations: in eager_correct leave out `filtered * lead[i]`; in read_own_delta leave out the
// correction; in estimated_share return 1.
TEST_CASE("eager: every island stands where its own outer optimizer on the mixed mean would be") {
  constexpr std::uint64_t kEvery = 5, kSteps = 40;
  DiLoCoOptions options;
  options.every = options.delay = kEvery;
  options.eager = true;
  const Trace trace = run(options, kSteps);

  for (std::size_t t = 0; t < kTensors; ++t) {
    const Plain start(t);
    std::vector<Values> local = start.local, theta = start.local;
    std::vector<Values> momentum(kIslands, Values(kElements, 0.0));
    std::vector<Values> stale(kIslands, Values(kElements, 0.0));
    double largest = 0;
    for (std::uint64_t step = 1; step <= kSteps; ++step) {
      for (std::size_t m = 0; m < kIslands; ++m)
        for (std::size_t i = 0; i < kElements; ++i)
          local[m][i] = 0.97 * local[m][i] - move_of(m, step, t, i);
      if (step % kEvery == 0) {
        std::vector<Values> fresh(kIslands, Values(kElements));
        for (std::size_t m = 0; m < kIslands; ++m)
          for (std::size_t i = 0; i < kElements; ++i) fresh[m][i] = theta[m][i] - local[m][i];
        const Values stale_mean = mean_of(stale);
        for (std::size_t m = 0; m < kIslands; ++m) {
          Values g(kElements);
          for (std::size_t i = 0; i < kElements; ++i)
            g[i] = stale_mean[i] + (fresh[m][i] - stale[m][i]) / kIslands;
          nesterov(theta[m], momentum[m], g);
        }
        local = theta;
        stale = fresh;
      }
      for (std::size_t m = 0; m < kIslands; ++m)
        largest =
            std::max(largest, largest_difference(trace.local[step - 1][m][t].tensor, local[m]));
    }
    CHECK(largest < kClose);
  }
}

// Mutation: in DiLoCo::finish leave out the closing rounds.
TEST_CASE("every schedule ends with all islands on the same bits") {
  for (const auto& [fragments, delay, merge, alpha, eager] : {std::tuple{1, 0, "mix", 0.0, false},
                                                              {2, 3, "mix", 0.5, false},
                                                              {4, 2, "carry", 0.0, false},
                                                              {2, 7, "mix", 0.0, false},
                                                              {2, 7, "carry", 0.0, false},
                                                              {3, 7, "mix", 0.0, true}}) {
    CAPTURE(fragments, delay, merge, alpha, eager);
    for (const std::uint64_t steps : {1, 6, 7, 20, 25}) {
      DiLoCoOptions options;
      options.every = 7;
      options.fragments = static_cast<std::uint32_t>(fragments);
      options.delay = static_cast<std::uint64_t>(delay);
      options.merge = merge;
      options.alpha = alpha;
      options.eager = eager;
      options.codec = "int8";
      CoordinatorConfig config;
      config.fragments = options.fragments;
      std::vector<NamedTensors> ends(kIslands), globals(kIslands);
      run_islands(config, kIslands, [&](Session& session, std::size_t island) {
        NamedTensors parameters = model();
        DiLoCo diloco(session, parameters, options);
        for (std::uint64_t step = 1; step <= steps; ++step) {
          inner_step(parameters, island, step);
          diloco.step(1);
        }
        diloco.finish();
        ends[island] = copy_of(parameters);
        globals[island] = copy_of(diloco.global_parameters());
      });
      bool same = true;
      for (std::size_t m = 0; m < kIslands; ++m)
        for (std::size_t t = 0; t < kTensors; ++t) {
          same &= ends[m][t].tensor.equal(ends[0][t].tensor);
          same &= ends[m][t].tensor.equal(globals[0][t].tensor);
          same &= !ends[m][t].tensor.equal(model()[t].tensor);
        }
      CHECK(same);
    }
  }
}

// NoLoCo (card 7). Mutations: in NoLoCo::step_block add lr * g[i]; in FragmentSync::average take
// uniform = false (islands with other tokens).
TEST_CASE("gossip: pairs exchange their change and their slow weights, and end on one mean") {
  constexpr std::size_t kMany = 4;
  constexpr std::uint64_t kEvery = 4, kSteps = 21;
  DiLoCoOptions options;
  options.every = kEvery;
  options.outer = {.optimizer = "noloco", .lr = 0.7, .momentum = 0.5};
  options.aggregation.rule = "uniform";
  CoordinatorConfig config;
  config.replicas_differ = true;
  std::vector<NamedTensors> before(kMany), after(kMany);
  run_islands(
      config, kMany,
      [&](Session& session, std::size_t island) {
        NamedTensors parameters = model();
        DiLoCo diloco(session, parameters, options);
        for (std::uint64_t step = 1; step <= kSteps; ++step) {
          inner_step(parameters, island, step);
          diloco.step(5 + island);
        }
        before[island] = copy_of(parameters);
        diloco.finish();
        after[island] = copy_of(parameters);
      },
      "gossip");

  for (std::size_t t = 0; t < kTensors; ++t) {
    std::vector<Values> theta(kMany, Plain(t).global), slow = theta;
    std::vector<Values> velocity(kMany, Values(kElements, 0.0));
    for (std::uint64_t step = 1; step <= kSteps; ++step) {
      for (std::size_t m = 0; m < kMany; ++m)
        for (std::size_t i = 0; i < kElements; ++i)
          theta[m][i] = 0.97 * theta[m][i] - move_of(m, step, t, i);
      if (step % kEvery != 0) continue;
      const std::vector<Values> fast = theta, old = slow;
      for (std::size_t m = 0; m < kMany; ++m) {
        const auto group = gossip_group({0, step / kEvery - 1}, kMany, m);
        REQUIRE(group.size() == 2);
        for (std::size_t i = 0; i < kElements; ++i) {
          double change = 0, mean = 0;
          for (const std::size_t k : group) {
            change += (fast[k][i] - old[k][i]) / 2;  // fast minus slow: not the sign of a Delta
            mean += old[k][i] / 2;
          }
          velocity[m][i] = 0.5 * velocity[m][i] + 0.7 * change + 0.7 * (mean - old[m][i]);
          slow[m][i] = old[m][i] + velocity[m][i];
          theta[m][i] = slow[m][i];
        }
      }
    }
    Values mean(kElements, 0.0);
    for (std::size_t m = 0; m < kMany; ++m) {
      CHECK(largest_difference(before[m][t].tensor, theta[m]) < kClose);
      for (std::size_t i = 0; i < kElements; ++i) mean[i] += theta[m][i] / kMany;
    }
    for (std::size_t m = 0; m < kMany; ++m) {
      CHECK(largest_difference(after[m][t].tensor, mean) < kClose);
      CHECK(after[m][t].tensor.equal(after[0][t].tensor));
    }
    CHECK(!before[0][t].tensor.equal(before[1][t].tensor));
  }
}

}  // namespace
}  // namespace outrigger::schedules_test
