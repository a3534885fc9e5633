#include "optim/sync/islands.h"

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <outrigger/comm/membership/local.h>
#include <outrigger/comm/membership/service.h>

namespace outrigger {
namespace {

using Join = std::function<Session(SessionOptions)>;

void run_threads(const CoordinatorConfig& config, const std::string& topology, const Join& join,
                 const std::function<void(Session&, std::size_t)>& body) {
  std::mutex mutex;
  std::exception_ptr first;
  const auto run = [&](std::size_t island) {
    try {
      SessionOptions options;
      options.island = config.islands[island];
      options.job = config.job;
      options.topology = topology;
      Session session = join(std::move(options));
      body(session, island);
      session.leave("done");
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t island = 0; island < config.islands.size(); ++island)
    threads.emplace_back(run, island);
  threads.clear();
  if (first) std::rethrow_exception(first);
}

}  // namespace

void run_islands(std::size_t islands, const std::function<void(Session&, std::size_t)>& body,
                 const std::string& topology, Wire wire) {
  run_islands(CoordinatorConfig{}, islands, body, topology, wire);
}

void run_islands(CoordinatorConfig config, std::size_t islands,
                 const std::function<void(Session&, std::size_t)>& body,
                 const std::string& topology, Wire wire) {
  config.job = "test";
  for (std::size_t island = 0; island < islands; ++island)
    config.islands.push_back("island-" + std::to_string(island));
  if (wire == Wire::kInProcess) {
    LocalJob job(config);
    run_threads(
        config, topology,
        [&](SessionOptions options) { return Session::join(job, std::move(options)); }, body);
    return;
  }
  const auto service = CoordinatorService::start(config, memory_journal(), {}).value_or_throw();
  const Join join = [&](SessionOptions options) {
    options.coordinator = service->address();
    return Session::join(std::move(options));
  };
  run_threads(config, topology, join, body);
}

}  // namespace outrigger
