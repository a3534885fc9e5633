#include <ATen/ops/zeros.h>

#include <cmath>
#include <map>
#include <mutex>

#include <outrigger/optim/sync/async_diloco.h>
#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace outrigger::async_diloco_test {
namespace {

constexpr std::size_t kIslands = 3;
constexpr std::int64_t kElements = 50;
constexpr double kLr = 0.7, kMomentum = 0.5;

NamedTensors model() {
  at::Tensor tensor = at::zeros({kElements});
  for (std::int64_t i = 0; i < kElements; ++i)
    tensor.data_ptr<float>()[i] = std::sin(static_cast<float>(i));
  return {{"w", tensor}};
}

DiLoCoOptions options(std::uint64_t every) {
  DiLoCoOptions own;
  own.every = every;
  own.outer.optimizer = "delayed_nesterov";
  own.outer.lr = kLr;
  own.outer.momentum = kMomentum;
  return own;
}

CoordinatorConfig config() {
  CoordinatorConfig own;
  own.asynchronous = true;
  own.fragments = kIslands;
  return own;
}

void inner_step(const NamedTensors& parameters, std::size_t island, int step) {
  for (std::int64_t i = 0; i < kElements; ++i) {
    float& value = parameters[0].tensor.data_ptr<float>()[i];
    value = 0.98F * value - 0.01F * static_cast<float>((i * 7 + step * (island + 1)) % 11);
  }
}

using Values = std::vector<double>;

// What was sent, and when it was committed.
struct Arrival {
  std::size_t island = 0;
  std::uint64_t sequence = 0;
  Values delta;
};

// The card's server, over the arrivals in order; the global parameters after each.
std::vector<Values> server(const std::vector<Arrival>& arrivals) {
  Values theta, momentum(kElements, 0.0), sum(kElements, 0.0);
  const NamedTensors start = model();
  for (std::int64_t i = 0; i < kElements; ++i)
    theta.push_back(start[0].tensor.data_ptr<float>()[i]);
  std::vector<Values> after;
  for (std::size_t t = 0; t < arrivals.size(); ++t) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(kElements); ++i) {
      const double g = arrivals[t].delta[i];
      sum[i] += g;
      double move = g / kIslands;
      if ((t + 1) % kIslands == 0) {
        momentum[i] = kMomentum * momentum[i] + sum[i] / kIslands;
        move += kMomentum * momentum[i];
        sum[i] = 0;
      }
      theta[i] -= kLr * move;
    }
    after.push_back(theta);
  }
  return after;
}

double difference(const at::Tensor& tensor, const Values& expected) {
  double largest = 0;
  for (std::int64_t i = 0; i < kElements; ++i)
    largest = std::max(
        largest, std::abs(tensor.data_ptr<float>()[i] - expected[static_cast<std::size_t>(i)]));
  return largest;
}

// Mutations: in AsyncDiLoCo::upload leave out download(); in apply_arrival step with round 0; take
// the Delta against shared_.fragments[0].global instead of the anchor.
TEST_CASE(
    "asynchronous: every island applies all arrivals in one order, as the card's server would") {
  // Islands of different speeds: H of 3, 5 and 8 steps stand for slow and fast machines.
  const std::uint64_t every[kIslands] = {3, 5, 8};
  std::mutex mutex;
  std::map<std::pair<std::size_t, std::uint64_t>, Values> sent;
  std::vector<Arrival> arrivals;
  std::map<std::uint64_t, at::Tensor> received;  // by sequence: what the sender went on from
  std::vector<NamedTensors> ends(kIslands);
  run_islands(config(), kIslands, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    AsyncDiLoCo async(session, parameters, options(every[island]));
    async.on_delta = [&](RoundId round, std::size_t, std::span<float> delta) {
      const std::lock_guard lock(mutex);
      sent[{island, round.number}] = Values(delta.begin(), delta.end());
    };
    const auto note = [&](const std::vector<RoundReport>& reports) {
      const std::lock_guard lock(mutex);
      for (const RoundReport& report : reports) {
        arrivals.push_back(
            {island, report.outcome.sequence, sent.at({island, report.outcome.round.number})});
        received[report.outcome.sequence] = parameters[0].tensor.clone();
      }
    };
    for (int step = 1; step <= 40; ++step) {
      inner_step(parameters, island, step);
      note(async.step(1));
    }
    const auto last = async.finish();
    {
      const std::lock_guard lock(mutex);
      for (const RoundReport& report : last)
        arrivals.push_back(
            {island, report.outcome.sequence, sent.at({island, report.outcome.round.number})});
    }
    ends[island] = {{"w", parameters[0].tensor.clone()}};
  });

  std::sort(arrivals.begin(), arrivals.end(),
            [](const Arrival& a, const Arrival& b) { return a.sequence < b.sequence; });
  REQUIRE(arrivals.size() ==
          14 + 8 + 5);  // 40 / 3, 40 / 5 and 40 / 8, and what was left of the first
  for (std::size_t t = 0; t < arrivals.size(); ++t) CHECK(arrivals[t].sequence == t);
  const std::vector<Values> expected = server(arrivals);
  for (const auto& [sequence, tensor] : received)
    CHECK(difference(tensor, expected[sequence]) < 1e-5);
  for (const NamedTensors& end : ends) {
    CHECK(difference(end[0].tensor, expected.back()) < 1e-5);
    CHECK(end[0].tensor.equal(ends[0][0].tensor));
  }
}

// Mutation: in DiLoCo's constructor leave out the refusal.
TEST_CASE("an asynchronous rule is refused where rounds are common") {
  run_islands(1, [&](Session& session, std::size_t) {
    CHECK_THROWS_AS(DiLoCo(session, model(), options(2)), Error);
  });
}

// Mutation: in AsyncDiLoCo::encode_own return true.
TEST_CASE("an asynchronous island whose change is not finite sends nothing and starts over") {
  std::vector<int> resets(kIslands, 0);
  std::vector<NamedTensors> ends(kIslands);
  run_islands(config(), kIslands, [&](Session& session, std::size_t island) {
    NamedTensors parameters = model();
    AsyncDiLoCo async(session, parameters, options(4));
    async.on_reset = [&] { ++resets[island]; };
    for (int step = 1; step <= 12; ++step) {
      inner_step(parameters, island, step);
      if (island == 1 && step == 6) parameters[0].tensor.data_ptr<float>()[3] = NAN;
      async.step(1);
    }
    async.finish();
    ends[island] = {{"w", parameters[0].tensor.clone()}};
  });
  CHECK(resets == std::vector<int>{0, 1, 0});
  for (const NamedTensors& end : ends) {
    CHECK(end[0].tensor.equal(ends[0][0].tensor));
    CHECK(std::isfinite(end[0].tensor.sum().item<float>()));
  }
}

}  // namespace
}  // namespace outrigger::async_diloco_test
