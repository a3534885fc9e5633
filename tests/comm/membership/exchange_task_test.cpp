#include <outrigger/comm/membership/exchange_task.h>

#include <outrigger/comm/membership/wire.h>
#include <outrigger/comm/transport/in_process.h>

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
