#include <outrigger/comm/membership/prober.h>

#include <future>
#include <limits>
#include <thread>

#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/transport/grpc.h>

#include "members.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;

namespace outrigger::prober_test {
namespace {

constexpr RoundId kNoRound{std::numeric_limits<std::uint32_t>::max(), 0};
enum Hop : std::uint32_t { kMeet, kWarm, kPing, kAsk, kAnswer };

struct Probed {
  std::vector<ProbeReport> reports;
  ProbeTraffic traffic;
};

std::vector<MemberId> islands(std::uint32_t count) {
  std::vector<MemberId> all;
  for (std::uint32_t k = 0; k < count; ++k) all.push_back(island(k));
  return all;
}

std::unique_ptr<Probed> probe(Transport& transport, std::uint32_t count, std::uint32_t channels = 2,
                              std::stop_token stop = {}) {
  auto probed = std::make_unique<Probed>();
  probe_links(
      transport, islands(count), channels, probed->traffic,
      [&](const ProbeReport& report) { probed->reports.push_back(report); }, stop);
  return probed;
}

// A peer that is played by the test, on member 1's transport.
class Played {
 public:
  explicit Played(Transport& transport) : transport_(transport) {}

  void say(Hop hop, std::uint32_t number, std::uint32_t value) {
    std::vector<std::byte> bytes(4);
    store_little_endian(value, bytes.data());
    said_.push_back(send(transport_, island(0), {kNoRound, {}, hop, number}, bytes));
  }
  void hear(Hop hop, std::uint32_t number) {
    std::vector<std::byte> bytes(4);
    REQUIRE(recv(transport_, island(0), {kNoRound, {}, hop, number}, bytes).wait().ok());
  }

 private:
  Transport& transport_;
  std::vector<Operation> said_;
};

}  // namespace

// Mutation: in PairProbe::answer, count nothing; in probe_links, let the later one lead, too
// (leads = true: it never ends).
TEST_CASE("prober: members that probe at once know every link, and what it took is counted") {
  const auto members = make_members("grpc", 3);
  std::vector<std::future<std::unique_ptr<Probed>>> running;
  for (std::uint32_t k = 0; k < 3; ++k)
    running.push_back(
        std::async(std::launch::async, [&, k] { return probe(*members[k], 3, 1 + k); }));
  for (std::uint32_t k = 0; k < 3; ++k) {
    const auto probed = running[k].get();
    REQUIRE(probed->reports.size() == 2);
    for (const ProbeReport& report : probed->reports) {
      CHECK(report.status.to_string() == "ok");
      CHECK(report.probe.peer != island(k));
      CHECK(report.probe.round_trip_s > 0);
      CHECK(report.probe.round_trip_s < 5);
      CHECK(report.probe.bytes >= RateProbe::kSmallest);
      CHECK(report.probe.busy_s > 0);
    }
    CHECK(probed->traffic.sent == members[k]->bytes_sent());
    CHECK(probed->traffic.received == members[k]->bytes_received());
  }
}

// Mutation: in PairProbe::meet, try once only.
TEST_CASE("prober: who is not on the peer's roster yet tries again") {
  std::unique_ptr<GrpcTransport> members[2];
  for (std::uint32_t k = 0; k < 2; ++k) {
    members[k] = GrpcTransport::listen({.job = "quick"}).value_or_throw();
    members[k]->set_self(island(k));
  }
  REQUIRE(members[0]->add_peer(island(1), members[1]->address()).ok());
  auto early = std::async(std::launch::async, [&] { return probe(*members[0], 2); });
  std::this_thread::sleep_for(100ms);
  REQUIRE(members[1]->add_peer(island(0), members[0]->address()).ok());
  const auto late = probe(*members[1], 2);
  CHECK(early.get()->reports[0].status.to_string() == "ok");
  CHECK(late->reports[0].status.to_string() == "ok");
}

// Mutation: in PairProbe::finish, leave out on_stop.
TEST_CASE("prober: one whose peer never comes ends when it is asked to, and tells nothing") {
  const auto members = make_members("grpc", 2);
  std::stop_source stop;
  auto waiting =
      std::async(std::launch::async, [&] { return probe(*members[0], 2, 2, stop.get_token()); });
  std::this_thread::sleep_for(50ms);
  const TimePoint asked = Clock::now();
  stop.request_stop();
  CHECK(waiting.get()->reports.empty());
  CHECK(seconds(Clock::now() - asked) < 5);
}

// Mutation: in PairProbe::meet, leave out the check of the connections; in answer(), of the bytes.
TEST_CASE("prober: a peer that asks for more than there is gets a report, no memory") {
  const auto members = make_members("grpc", 2);
  const bool meets = GENERATE(false, true);
  auto running = std::async(std::launch::async, [&] { return probe(*members[0], 2, 1); });
  Played peer(*members[1]);
  peer.say(kMeet, 0, meets ? 1 : 1u << 31);
  peer.hear(kMeet, 0);
  if (meets) {
    peer.say(kWarm, 0, 0);
    peer.hear(kWarm, 0);
    for (std::uint32_t k = 0; k < 5; ++k) {
      peer.hear(kPing, k);
      peer.say(kPing, k, k);
    }
    peer.hear(kPing, 5);
    peer.say(kAsk, 0, std::numeric_limits<std::uint32_t>::max());
  }
  const auto probed = running.get();
  REQUIRE(probed->reports.size() == 1);
  const ProbeReport& report = probed->reports[0];
  CHECK(report.status.code() == Code::kCorruption);
  CHECK(report.status.message().find(meets ? "island 1 (incarnation 1) asks for 4294967295 bytes"
                                           : "names 2147483648 connections") != std::string::npos);
  CHECK((report.probe.round_trip_s > 0) == meets);
  CHECK(report.probe.bytes == 0);
}

}  // namespace outrigger::prober_test
