// DiLoCo under a training loop of one's own: two islands fit a small network to a sine.
//
//   own_loop                        both islands as threads of this process
//   own_loop coordinator            as processes: the control plane, which prints its address
//   own_loop island NAME ADDRESS    ... and island-0 and island-1
//
// All ways end with the same bits.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/nn/module.h>
#include <torch/optim/sgd.h>

#include <cstdio>
#include <cstring>
#include <future>
#include <iostream>

#include <outrigger/comm/membership/journal.h>
#include <outrigger/comm/membership/local.h>
#include <outrigger/comm/membership/service.h>
#include <outrigger/optim/sync/diloco.h>

#include "rules.h"

namespace {

constexpr int kSteps = 60;

struct Network : torch::nn::Module {
  Network() {
    // The same start on every island; the default generator is shared by all threads.
    const auto random = at::make_generator<at::CPUGeneratorImpl>(1);
    first = register_parameter("first", torch::randn({1, 32}, random));
    bias = register_parameter("bias", torch::randn({32}, random));
    second = register_parameter("second", torch::randn({32, 1}, random) * 0.1);
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return torch::mm(torch::tanh(torch::mm(x, first) + bias), second);
  }
  torch::Tensor first, bias, second;
};

// What island number `island` sees in step `step`: its own part of the line.
torch::Tensor inputs(int island, int step) {
  return (torch::arange(64) * (step % 7 + 1) % 64).reshape({64, 1}).to(torch::kFloat) / 32.0 +
         2.0 * island - 2.0;
}

outrigger::DiLoCoOptions options() {
  outrigger::DiLoCoOptions own;
  own.every = 10;
  own.fragments = 2;
  own.delay = 3;
  own.codec = "int8";
  own.outer.optimizer = "soft_sgd";  // from rules.cpp
  own.outer.lr = 0.9;
  own.aggregation.rule = "farthest";  // likewise
  return own;
}

// Returns the hash of the global parameters in the end.
std::string train(outrigger::Session session, int island) {
  Network model;
  torch::optim::SGD inner(model.parameters(), 0.02);
  outrigger::DiLoCo diloco(session, outrigger::named_tensors(model.named_parameters()), options());
  for (int step = 1; step <= kSteps; ++step) {
    const torch::Tensor x = inputs(island, step);
    inner.zero_grad();
    torch::mse_loss(model.forward(x), torch::sin(x)).backward();
    inner.step();
    for (const outrigger::RoundReport& report : diloco.step(64))
      std::fprintf(stderr, "island %d, step %d: %s applied, %zu islands in it\n", island, step,
                   to_string(report.outcome.round).c_str(), report.outcome.contributors.size());
  }
  diloco.finish();
  const std::string hash = hash_state(diloco.shared().fragments[0]).hex() +
                           hash_state(diloco.shared().fragments[1]).hex();
  session.leave("done");
  return hash;
}

outrigger::CoordinatorConfig config() {
  outrigger::CoordinatorConfig own;
  own.job = "own-loop";
  own.islands = {"island-0", "island-1"};
  configure(outrigger::make_method(options(), own.islands.size()).value_or_throw(),
            own.islands.size(), own);
  return own;
}

void run_threads() {
  outrigger::LocalJob job(config());
  std::string hashes[2];
  const auto run = [&](int island) {
    at::set_num_threads(1);
    outrigger::SessionOptions session;
    session.island = config().islands[static_cast<std::size_t>(island)];
    hashes[island] = train(outrigger::Session::join(job, session), island);
  };
  auto other = std::async(std::launch::async, run, 1);
  run(0);
  other.get();
  std::cout << hashes[0] << "\n" << hashes[1] << "\n";
}

void run_coordinator() {
  const auto service =
      outrigger::CoordinatorService::start(config(), outrigger::memory_journal(), {})
          .value_or_throw();
  std::cout << service->address() << std::endl;
  throw_if_error(service->wait());
}

void run_island(const std::string& name, const std::string& address) {
  at::set_num_threads(1);
  const int island = name == "island-0" ? 0 : 1;
  outrigger::SessionOptions session;
  session.coordinator = address;
  session.island = name;
  session.job = config().job;
  std::cout << train(outrigger::Session::join(session), island) << "\n";
}

}  // namespace

int main(int count, char** words) try {
  register_own_rules();
  if (count == 1)
    run_threads();
  else if (count == 2 && std::strcmp(words[1], "coordinator") == 0)
    run_coordinator();
  else if (count == 4 && std::strcmp(words[1], "island") == 0)
    run_island(words[2], words[3]);
  else {
    std::cerr << "usage: own_loop | own_loop coordinator | own_loop island NAME ADDRESS\n";
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "own_loop: " << error.what() << "\n";
  return 1;
}
