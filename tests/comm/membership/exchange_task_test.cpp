#include <outrigger/comm/membership/exchange_task.h>

#include <cstring>
#include <thread>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/membership/wire.h>
#include <outrigger/comm/transport/in_process.h>
#include <outrigger/comm/transport/nccl/nccl_transport.h>

#include "comm/collective/weighted_mean.h"
#include "memory_links.h"
#include "support/catch.h"

using namespace outrigger;

namespace {

MemberId peer_of(std::uint32_t index) {
  return {index, 1, 0};
}

class TakesFirst : public Reducer {
 public:
  void reduce(const Reduction&, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    std::copy(inputs[0].begin(), inputs[0].end(), out.begin());
  }
};

// One attempt, as island 0 is told of it. Islands 1 and 2 listen, but take no part yet.
class LoneAttempt {
 public:
  LoneAttempt(const std::vector<std::uint32_t>& contributors,
              const std::vector<std::uint32_t>& spectators) {
    for (const std::uint32_t self : {0u, 1u, 2u}) {
      transports.push_back(network.transport(peer_of(self)));
      for (const std::uint32_t other : {0u, 1u, 2u}) {
        if (other != self) throw_if_error(transports.back()->add_peer(peer_of(other), ""));
      }
    }
    *task.close.mutable_round() = to_wire(RoundId{0, 0});
    *task.close.mutable_attempt() = to_wire(AttemptId{1, 1});
    for (const std::uint32_t index : contributors) {
      v1::Contributor* contributor = task.close.add_contributors();
      *contributor->mutable_member() = to_wire(peer_of(index));
      contributor->set_weight(1);
      *task.close.add_owners() = to_wire(peer_of(index));
    }
    for (const std::uint32_t index : spectators)
      *task.close.add_spectators() = to_wire(peer_of(index));
    const Codec* codec = find_codec("fp32").value_or_throw();
    task.contribution.elements = 100000;
    task.contribution.codec = task.contribution.result_codec = codec;
    task.contribution.reducer = std::make_shared<TakesFirst>();
    task.contribution.encoded =
        std::make_shared<std::vector<std::byte>>(codec->encoded_bytes(task.contribution.elements));
    task.topology = "auto";
    task.deadline = Clock::now() + std::chrono::minutes(10);
  }

  InProcessNetwork network;
  std::vector<std::unique_ptr<Transport>> transports;
  ExchangeTask task;
};

}  // namespace

// Mutation: in run_exchange, take the first member that is named in the Status's text.
// Mutation: in Pipeline::handle (run_pipeline, send_chunks), do not pass the peer on.
TEST_CASE("a failed exchange reports the peer of the failed message, whatever its text names") {
  const std::string topology = GENERATE("direct", "gather");
  struct Roles {
    std::vector<std::uint32_t> contributors, spectators;
  };
  // All contribute; island 0 hands on to island 2; island 0 watches island 2.
  const auto& roles =
      GENERATE(Roles{{0, 1, 2}, {}}, Roles{{0, 2, 1}, {}}, Roles{{0}, {2, 1}}, Roles{{2, 1}, {0}});
  LoneAttempt attempt(roles.contributors, roles.spectators);
  attempt.task.topology = topology;
  const std::string why = "says island 1 (incarnation 1) and island 0 (incarnation 1)";
  attempt.transports[0]->peer_lost(peer_of(2), {Code::kUnavailable, why});
  const ExchangeReport report = run_exchange(*attempt.transports[0], attempt.task, {});
  CAPTURE(report.result.status().to_string());
  CHECK(report.result.status().code() == Code::kUnavailable);
  CHECK(report.peer == peer_of(2));
}

// Mutation: in Pipeline::handle, keep the peer of a cancelled operation too.
TEST_CASE("an exchange that is stopped from here blames nobody") {
  const bool watches = GENERATE(false, true);
  LoneAttempt attempt(
      watches ? std::vector<std::uint32_t>{2, 1} : std::vector<std::uint32_t>{0, 1, 2},
      watches ? std::vector<std::uint32_t>{0} : std::vector<std::uint32_t>{});
  std::stop_source stop;
  stop.request_stop();
  const ExchangeReport report =
      run_exchange(*attempt.transports[0], attempt.task, stop.get_token());
  CHECK(report.result.status().code() == Code::kCancelled);
  CHECK_FALSE(report.peer.has_value());
}

// Mutation: in AllReduceCollective::result_codec, return `wanted`; in all_reduce_bytes' users,
// count nothing.
TEST_CASE("who is left out of an all_reduce is handed its result all the same") {
  LoneAttempt attempt({2, 1}, {0});
  attempt.task.topology = "all_reduce";
  attempt.task.contribution.reducer = std::make_shared<test::WeightedMean>();
  attempt.task.contribution.result_codec = find_codec("bf16").value_or_throw();
  const auto links = std::make_shared<test::MemoryLinks>();
  for (auto& transport : attempt.transports)
    transport = std::make_unique<NcclTransport>(std::move(transport), links);
  for (const std::uint32_t self : {0u, 1u, 2u})
    for (const std::uint32_t other : {0u, 1u, 2u})
      if (self != other) throw_if_error(attempt.transports[self]->add_peer(peer_of(other), ""));
  std::vector<ExchangeTask> tasks(3, attempt.task);
  std::vector<std::optional<ExchangeReport>> reports(3);
  std::vector<std::jthread> threads;
  for (std::uint32_t k = 0; k < 3; ++k) {
    const std::vector<float> values(attempt.task.contribution.elements, static_cast<float>(k));
    const auto encoded = std::make_shared<ByteBuffer>(4 * values.size());
    std::memcpy(encoded->data(), values.data(), encoded->size());
    tasks[k].contribution.encoded = encoded;
    threads.emplace_back(
        [&, k] { reports[k] = run_exchange(*attempt.transports[k], tasks[k], {}); });
  }
  threads.clear();
  for (const auto& report : reports) {
    REQUIRE(report->result.status().to_string() == "ok");
    CHECK(report->result->hash == reports[0]->result->hash);
    CHECK(report->result->codec->name() == "fp32");
    std::vector<float> mean(attempt.task.contribution.elements);
    throw_if_error(decode_all(*report->result->codec, *report->result->bytes, mean));
    CHECK((mean == std::vector<float>(mean.size(), 1.5F)));
  }
}
