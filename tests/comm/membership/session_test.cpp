#include <future>
#include <thread>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/membership/link.h>
#include <outrigger/comm/membership/link_query.h>
#include <outrigger/comm/membership/local.h>
#include <outrigger/comm/membership/member.h>
#include <outrigger/comm/membership/service.h>
#include <outrigger/comm/membership/session.h>
#include <outrigger/comm/transport/grpc.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>

#include "comm/membership/blocking_journal.h"
#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kElements = 10001;

class Mean : public Reducer {
 public:
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const std::span<const std::uint64_t> weights = reduction.weights;
    float total = 0;
    for (const std::uint64_t weight : weights) total += static_cast<float>(weight);
    for (std::size_t i = 0; i < out.size(); ++i) {
      float sum = 0;
      for (std::size_t k = 0; k < inputs.size(); ++k)
        sum += static_cast<float>(weights[k]) * inputs[k][i];
      out[i] = sum / total;
    }
  }
};

CoordinatorConfig quick_config(std::size_t islands, std::uint32_t fragments = 1) {
  CoordinatorConfig config = make_config(islands, fragments);
  config.timeout_min = 5s;
  config.timeout_max = 30s;
  config.heartbeat = 200ms;
  return config;
}

// The ways in which members can be joined.
class Job {
 public:
  Job(bool grpc, CoordinatorConfig wanted) : config(std::move(wanted)) {
    if (grpc) {
      service = CoordinatorService::start(config, memory_journal(), {}).value_or_throw();
    } else {
      local = std::make_unique<LocalJob>(config);
    }
  }
  Session join(std::uint32_t island, const std::string& topology = "auto") {
    SessionOptions options;
    options.island = config.islands[island];
    options.job = config.job;
    options.recipe = config.recipe;
    options.topology = topology;
    options.join_timeout = 30s;
    options.probe = probe;
    if (local) return Session::join(*local, options);
    options.coordinator = service->address();
    return Session::join(options);
  }
  Status wait() { return local ? local->wait() : service->wait(); }

  CoordinatorConfig config;
  bool probe = true;
  std::unique_ptr<CoordinatorService> service;
  std::unique_ptr<LocalJob> local;
};

Contribution contribution(std::uint32_t island, RoundId round, const Version& base,
                          bool finite = true) {
  const Codec* codec = find_codec("fp32").value_or_throw();
  std::vector<float> values(kElements), zeros(kElements, 0.0f);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((i * 7 + island * 13 + round.number * 31) % 101) / 7.0f;
  }
  Segments local;
  local.add(zeros);
  auto encoded = std::make_shared<std::vector<std::byte>>(codec->encoded_bytes(kElements));
  encode_each(
      *codec, kElements,
      [&](std::size_t offset, std::span<float> out) { read_delta(values, local, offset, out); },
      *encoded);
  Contribution result;
  result.round = round;
  result.base = base;
  result.tokens = 100 + island;
  result.finite = finite;
  result.elements = kElements;
  result.codec = result.result_codec = codec;
  result.reducer = std::make_shared<Mean>();
  result.encoded = encoded;
  return result;
}

// Trains nothing, but runs `rounds` rounds of every fragment; all fragments are open at once.
std::vector<Version> run_rounds(Session& session, std::uint32_t fragments, std::uint64_t rounds) {
  std::vector<Version> versions;
  for (std::uint32_t fragment = 0; fragment < fragments; ++fragment)
    versions.push_back({fragment, 0, {}});
  for (std::uint64_t number = 0; number < rounds; ++number) {
    for (std::uint32_t fragment = 0; fragment < fragments; ++fragment) {
      throw_if_error(session.launch(
          contribution(session.self().island, {fragment, number}, versions[fragment])));
    }
    for (std::uint32_t fragment = 0; fragment < fragments; ++fragment) {
      const RoundOutcome outcome = session.wait({fragment, number}).value_or_throw();
      if (hash128(*outcome.bytes) != outcome.hash || !outcome.included) return {};
      versions[fragment] = outcome.version;
      throw_if_error(session.applied({fragment, number}, outcome.version));
    }
  }
  return versions;
}

template <class Work>
auto on_threads(std::uint32_t islands, Work work) {
  std::vector<std::future<decltype(work(0u))>> futures;
  for (std::uint32_t island = 0; island < islands; ++island) {
    futures.push_back(std::async(std::launch::async, work, island));
  }
  std::vector<decltype(work(0u))> results;
  for (auto& future : futures) results.push_back(future.get());
  return results;
}

}  // namespace

// Mutation: in make_exchange, take the contributors in reverse order on island 1 only.
// Mutation: in Session::Impl::settle, leave `included` false.
TEST_CASE("members run ten rounds of two fragments and hold the same versions") {
  const bool grpc = GENERATE(false, true);
  const std::string topology = GENERATE("auto", "direct", "gather");
  const std::uint32_t islands = GENERATE(1u, 3u);
  CAPTURE(grpc, topology, islands);
  Job job(grpc, quick_config(islands, 2));
  const auto versions = on_threads(islands, [&](std::uint32_t island) {
    Session session = job.join(island, topology);
    auto result = run_rounds(session, 2, 10);
    session.leave("done");
    return result;
  });
  REQUIRE(versions[0].size() == 2);
  CHECK(versions[0][0].number == 10);
  for (const auto& other : versions) CHECK(other == versions[0]);
  CHECK(job.wait().ok());
}

// Mutation: in exchange_or_watch, leave out the call of hand_on.
TEST_CASE("a member whose contribution is not finite gets the same result without being in it") {
  const bool grpc = GENERATE(false, true);
  Job job(grpc, quick_config(3));
  const auto outcomes = on_threads(3, [&](std::uint32_t island) {
    Session session = job.join(island);
    throw_if_error(session.launch(contribution(island, {0, 0}, {0, 0, {}}, island != 0)));
    RoundOutcome outcome = session.wait({0, 0}).value_or_throw();
    throw_if_error(session.applied({0, 0}, outcome.version));
    session.leave("done");
    return outcome;
  });
  CHECK_FALSE(outcomes[0].included);
  CHECK(outcomes[1].included);
  CHECK(outcomes[0].contributors.size() == 2);
  CHECK(hash128(*outcomes[0].bytes) == outcomes[0].hash);
  CHECK(outcomes[0].version == outcomes[2].version);
}

// Mutation: in Session::Impl::gather, reverse the values.
// Mutation: in Session::Impl::at_step, do not tell the machine that the step is complete.
TEST_CASE("members gather values and agree on the step to stop after") {
  const bool grpc = GENERATE(false, true);
  Job job(grpc, quick_config(3));
  const auto stops = on_threads(3, [&](std::uint32_t island) {
    Session session = job.join(island);
    const auto values =
        session.gather("part", std::string(1, static_cast<char>('a' + island))).value_or_throw();
    if (values != std::vector<std::string>{"a", "b", "c"}) return std::uint64_t{0};
    for (std::uint64_t step = 1;; ++step) {
      if (island == 1 && step == 5) session.request_stop("a test asks");
      const auto stop = session.at_step(step).value_or_throw();
      if (stop && step >= *stop) {
        session.leave("stopped");
        return step;
      }
    }
  });
  CHECK(stops[0] >= 6);
  CHECK(stops == std::vector<std::uint64_t>(3, stops[0]));
  CHECK(job.wait().ok());
}

// Mutation: in Session::Impl::fail, leave out changed_.notify_all().
// Mutation: in Coordinator::lost, do not note the broken connection.
TEST_CASE("a member that vanishes makes the others' wait fail and name it") {
  CoordinatorConfig config = quick_config(3);
  Job job(true, config);
  const auto vanish = [&] {  // joins as a member would, then drops its socket without a word
    MemberConfig member;
    member.job = config.job;
    member.island = "cy";
    member.incarnation = 7;
    member.recipe = config.recipe;
    member.numerics = kNumerics;
    Member machine(member);
    std::mutex mutex;
    std::promise<void> joined;
    std::unique_ptr<Link> link;
    const auto carry_out = [&](const auto& self, const MemberStep& step) -> void {
      if (step.connect) link->open(*step.connect);
      for (const auto& message : step.messages) link->send(message);
      if (step.roster) joined.set_value();
      if (step.open_transport)
        self(self, machine.handle(TransportReady{"127.0.0.1:1"}, Clock::now()));
    };
    link =
        make_grpc_link(job.service->address(), false,
                       {[&](std::uint64_t connection, v1::CoordinatorMessage message) {
                          const std::lock_guard lock(mutex);
                          carry_out(carry_out,
                                    machine.handle(CoordinatorSaid{connection, std::move(message)},
                                                   Clock::now()));
                        },
                        [](std::uint64_t, const std::string&) {}})
            .value_or_throw();
    {
      const std::lock_guard lock(mutex);
      carry_out(carry_out, machine.handle(MemberStarted{}, Clock::now()));
    }
    joined.get_future().wait();
  };
  const auto statuses = on_threads(3, [&](std::uint32_t island) {
    if (island == 2) {
      vanish();
      return Status();
    }
    Session session = job.join(island);
    throw_if_error(session.launch(contribution(island, {0, 0}, {0, 0, {}})));
    return session.wait({0, 0}).status();
  });
  for (const std::uint32_t island : {0u, 1u}) {
    CHECK(statuses[island].code() == Code::kUnavailable);
    CHECK(statuses[island].message().find(
              "island cy is lost: its connection to the coordinator broke") != std::string::npos);
  }
  CHECK(job.wait().message() == statuses[0].message());
}

// The process has no other channel: the thread of gRPC's that drops the last one waits for itself.
// Mutation: in GrpcLink::open, leave out channel_.swap.
TEST_CASE("a link that is closed while it connects goes quietly") {
  for (int i = 0; i < 10; ++i) {
    const auto link = make_grpc_link("127.0.0.1:1", false,
                                     {[](std::uint64_t, const v1::CoordinatorMessage&) {},
                                      [](std::uint64_t, const std::string&) {}})
                          .value_or_throw();
    link->open(1);
    link->open(2);
    link->close();
  }
}

// Mutation: in CoordinatorService::start (make_grpc_link), leave out check_address.
TEST_CASE("off loopback nothing listens or connects without insecure") {
  const auto service =
      CoordinatorService::start(quick_config(1), memory_journal(), {.listen = "0.0.0.0:0"});
  CHECK(service.status().code() == Code::kInvalidArgument);
  CHECK(service.status().message().find("insecure") != std::string::npos);
  CHECK(make_grpc_link("192.0.2.1:7077", false, {}).status().code() == Code::kInvalidArgument);
  SessionOptions options;
  options.coordinator = "192.0.2.1:7077";
  options.island = "ada";
  options.job = "quick";
  CHECK_THROWS_AS(Session::join(options), Error);
}

// Mutation: in CoordinatorService::start, leave out the ALLOW_REUSEPORT argument.
TEST_CASE("a taken port is refused by name") {
  Job job(true, quick_config(1));
  const auto second = CoordinatorService::start(quick_config(1), memory_journal(),
                                                {.listen = job.service->address()});
  CHECK(second.status().code() == Code::kResourceExhausted);
  CHECK(second.status().message().find(job.service->address()) != std::string::npos);
}

// Mutation: in Session::Impl::handle, do not look at left_.
TEST_CASE("a session that was left without a goodbye may still be asked to stop") {
  const CoordinatorConfig config = quick_config(1);
  JournalGate gate;
  gate.allow(2);  // the term's start and the admission
  auto service = CoordinatorService::start(config, std::make_unique<BlockingJournal>(gate), {})
                     .value_or_throw();
  SessionOptions options;
  options.coordinator = service->address();
  options.island = config.islands[0];
  options.job = config.job;
  options.recipe = config.recipe;
  Session session = Session::join(options);
  session.leave("done");  // its record never becomes durable
  session.request_stop("too late");
  CHECK(session.at_step(1).ok());
  CHECK(session.launch(contribution(0, {0, 0}, {0, 0, {}})).ok());
  CHECK(session.wait({0, 0}).status().code() == Code::kCancelled);
  gate.allow(1000);
}

// Mutation: in Session::Impl::run, do not handle the tick.
TEST_CASE("a session that finds no coordinator says so in time") {
  Job job(true, quick_config(1));
  SessionOptions options;
  options.coordinator = job.service->address();
  options.island = "ada";
  options.job = "quick";
  options.join_timeout = 300ms;
  job.service.reset();
  try {
    Session::join(options);
    FAIL("joined nothing");
  } catch (const Error& error) {
    CHECK(error.status().code() == Code::kDeadlineExceeded);
    CHECK(std::string(error.what()).find("the coordinator does not answer") != std::string::npos);
  }
}

// Mutation: in payload_links, take whatever is not nccl for grpc; in Session::join, make the links
// when the coordinator has answered (the session then finds none).
TEST_CASE("a transport that is not there is refused before anything starts") {
  SessionOptions options;
  options.coordinator = "127.0.0.1:1";
  options.island = "ada";
  options.job = "test";
  const auto refused = [&] {
    try {
      Session::join(options);
    } catch (const Error& error) {
      return error.status();
    }
    return Status();
  };
  options.transport = "tcp";
  CHECK(refused().code() == Code::kInvalidArgument);
  CHECK(refused().message().find("'tcp'; there are grpc and nccl") != std::string::npos);
  options.transport = "nccl";
  if (const Status lacks = check_nccl(); !lacks.ok()) CHECK(refused().message() == lacks.message());
}

// Mutation: in fill_in, leave out either check of the topology.
TEST_CASE("an unknown topology and a missing island are refused before anything starts") {
  LocalJob job(quick_config(1));
  SessionOptions options;
  const auto refused = [&]() -> std::string {
    try {
      Session::join(job, options);
    } catch (const Error& error) {
      return error.status().message();
    }
    return "not refused";
  };
  options.island = "ada";
  options.topology = "rings";
  CHECK(refused().find("rings") != std::string::npos);
  options.topology = "all_reduce";
  CHECK(refused().find("take transport nccl") != std::string::npos);
  options.topology = "auto";
  options.island.clear();
  unsetenv("OUTRIGGER_ISLAND");
  CHECK(refused().find("OUTRIGGER_ISLAND") != std::string::npos);
}

// Mutation: in Session::Impl::learn_roster, leave out start_probing; in Rendezvous::count_sent
// (count_received), count all; in CoordinationService::links, never keep the answer; in
// start_probing, ignore options_.probe.
TEST_CASE("members measure their links at join, and the coordinator tells all of them") {
  const bool probe = GENERATE(true, false);
  Job job(true, quick_config(3));
  job.probe = probe;
  std::vector<Session> sessions;
  for (auto& joining : [&] {
         std::vector<std::future<Session>> all;
         for (const std::uint32_t island : {0u, 1u, 2u})
           all.push_back(std::async(std::launch::async, [&, island] { return job.join(island); }));
         return all;
       }())
    sessions.push_back(joining.get());
  const auto known = [&] {
    const LinkTable table = ask_links(job.service->address(), false).value_or_throw();
    CHECK(table.job == "quick");
    CHECK(table.islands == std::vector<std::string>{"ada", "bob", "cy"});
    return std::ranges::count_if(table.links, [](const LinkFigures& link) {
      return link.bytes_per_s > 0 && link.round_trip_s > 0 && link.rate_age_s >= 0;
    });
  };
  const TimePoint end = Clock::now() + (probe ? 30s : 1s);
  const auto none_counted = [&] {
    for (Session& session : sessions) {
      CHECK(session.bytes_sent() == 0);
      CHECK(session.bytes_received() == 0);
    }
  };
  while (known() < 6 && Clock::now() < end) {
    none_counted();
    std::this_thread::sleep_for(10ms);
  }
  CHECK(known() == (probe ? 6 : 0));
  none_counted();
  const auto ages = [&] {
    std::vector<double> all;
    for (const LinkFigures& link : ask_links(job.service->address(), false).value_or_throw().links)
      all.push_back(link.rate_age_s);
    return all;
  };
  const auto first = ages(), second = ages(), third = ages();
  CHECK((first == second || second == third));  // a second may begin between two
  for (Session& session : sessions) session.leave("done");
}

// Mutation: in ask_links, leave out check_address; the deadline (the test then hangs).
TEST_CASE("who asks for links where no coordinator is hears so, soon") {
  CHECK(ask_links("nowhere", false).status().code() == Code::kInvalidArgument);
  CHECK(ask_links("192.0.2.1:7077", false).status().code() == Code::kInvalidArgument);
  const Status refused = ask_links("127.0.0.1:1", false).status();
  CHECK(refused.code() == Code::kNotFound);
  CHECK(refused.message().find("no coordinator answers at 127.0.0.1:1") != std::string::npos);
  // Something that listens, but says nothing of the kind.
  const auto other = GrpcTransport::listen({}).value_or_throw();
  CHECK(ask_links(other->address(), false).status().code() == Code::kNotFound);
}
