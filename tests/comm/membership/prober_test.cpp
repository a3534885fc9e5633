#include <outrigger/comm/membership/prober.h>

#include <future>
#include <limits>
#include <memory>
#include <thread>

#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/transport/grpc.h>

#include "members.h"
#include "memory_links.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;

namespace outrigger::prober_test {
namespace {

enum Hop : std::uint32_t { kMeet, kWarm, kPing, kAsk, kAnswer };

using Reports = std::vector<ProbeReport>;

std::vector<MemberId> islands(std::uint32_t count) {
  std::vector<MemberId> all;
  for (std::uint32_t k = 0; k < count; ++k) all.push_back(island(k));
  return all;
}

Reports probe(Transport& transport, std::uint32_t count, std::uint32_t channels = 2,
              std::stop_token stop = {}, const ExchangeCount& exchanges = {}) {
  Reports reports;
  probe_links(
      transport, islands(count), channels, exchanges,
      [&](const ProbeReport& report) { reports.push_back(report); }, stop);
  return reports;
}

// A peer that is played by the test.
class Played {
 public:
  Played(Transport& transport, MemberId other) : transport_(transport), other_(other) {}

  void say(Hop hop, std::uint32_t number, std::uint32_t value) {
    std::vector<std::byte> bytes(4);
    store_little_endian(value, bytes.data());
    say(hop, number, bytes);
  }
  void say(Hop hop, std::uint32_t number, const std::vector<std::byte>& bytes) {
    said_.push_back(send(transport_, other_, {kOutsideRounds, {}, hop, number}, bytes));
  }
  std::uint32_t hear(Hop hop, std::uint32_t number) {
    std::vector<std::byte> bytes(4);
    REQUIRE(recv(transport_, other_, {kOutsideRounds, {}, hop, number}, bytes).wait().ok());
    return load_little_endian<std::uint32_t>(bytes.data());
  }

  void meet() {
    say(kMeet, 0, 1);
    hear(kMeet, 0);
    say(kWarm, 0, 0);
    hear(kWarm, 0);
  }
  void pong() {
    for (std::uint32_t k = 0; k < 5; ++k) {
      hear(kPing, k);
      say(kPing, k, k);
    }
    hear(kPing, 5);
  }
  void answer() {
    for (std::uint32_t number = 0;; ++number) {
      const std::uint32_t bytes = hear(kAsk, number);
      if (bytes == 0) return;
      say(kAnswer, number * 64, std::vector<std::byte>(bytes));
    }
  }

 private:
  Transport& transport_;
  const MemberId other_;
  std::vector<Operation> said_;
};

}  // namespace

// Mutation: in prober.cpp's tag(), give round 0's; in probe_links, let the later one lead, too
// (it never ends).
TEST_CASE("prober: members that probe at once know every link, and rounds' bytes stay theirs") {
  const auto members = make_members("grpc", 3);
  std::vector<std::future<Reports>> running;
  for (std::uint32_t k = 0; k < 3; ++k)
    running.push_back(
        std::async(std::launch::async, [&, k] { return probe(*members[k], 3, 1 + k); }));
  for (std::uint32_t k = 0; k < 3; ++k) {
    const Reports reports = running[k].get();
    REQUIRE(reports.size() == 2);
    for (const ProbeReport& report : reports) {
      CHECK(report.status.to_string() == "ok");
      CHECK(report.probe.peer != island(k));
      CHECK(report.probe.round_trip_s > 0);
      CHECK(report.probe.round_trip_s < 5);
      CHECK(report.probe.bytes >= RateProbe::kSmallest);
      CHECK(report.probe.busy_s > 0);
    }
    CHECK(members[k]->bytes_sent() == 0);
    CHECK(members[k]->bytes_received() == 0);
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
  const Reports late = probe(*members[1], 2);
  CHECK(early.get()[0].status.to_string() == "ok");
  CHECK(late[0].status.to_string() == "ok");
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
  CHECK(waiting.get().empty());
  CHECK(seconds(Clock::now() - asked) < 5);
}

// Mutation: in PairProbe::meet, leave out the check of the connections; in answer(), of the bytes.
TEST_CASE("prober: a peer that asks for more than there is gets a report, no memory") {
  const auto members = make_members("grpc", 2);
  const bool meets = GENERATE(false, true);
  auto running = std::async(std::launch::async, [&] { return probe(*members[0], 2, 1); });
  Played peer(*members[1], island(0));
  if (meets) {
    peer.meet();
    peer.pong();
    peer.say(kAsk, 0, std::numeric_limits<std::uint32_t>::max());
  } else {
    peer.say(kMeet, 0, 1u << 31);
    peer.hear(kMeet, 0);
  }
  const Reports reports = running.get();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].status.code() == Code::kCorruption);
  CHECK(reports[0].status.message().find(
            meets ? "island 1 (incarnation 1) asks for 4294967295 bytes"
                  : "names 2147483648 connections") != std::string::npos);
  CHECK((reports[0].probe.round_trip_s > 0) == meets);
  CHECK(reports[0].probe.bytes == 0);
}

// Mutation: in PairProbe::pong, leave out the check.
TEST_CASE("prober: a peer that tells of a round trip longer than anybody waits is not believed") {
  const auto members = make_members("grpc", 2);
  auto running = std::async(std::launch::async, [&] { return probe(*members[1], 2, 1); });
  Played leader(*members[0], island(1));
  leader.meet();
  for (std::uint32_t k = 0; k < 5; ++k) {
    leader.say(kPing, k, k);
    leader.hear(kPing, k);
  }
  leader.say(kPing, 5, std::numeric_limits<std::uint32_t>::max());
  const Reports reports = running.get();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].status.code() == Code::kCorruption);
  CHECK(reports[0].status.message().find("a round trip of 4294.96") != std::string::npos);
  CHECK(reports[0].probe.round_trip_s == 0);
}

// Mutation: in probe_links, compare the exchanges before the probe only (after it only).
TEST_CASE("prober: beside an exchange only round trips are told") {
  const auto members = make_members("grpc", 2);
  const bool before = GENERATE(true, false);
  ExchangeCount exchanges;
  if (before) exchanges.begun = 1;
  auto running =
      std::async(std::launch::async, [&] { return probe(*members[0], 2, 1, {}, exchanges); });
  Played peer(*members[1], island(0));
  peer.meet();
  peer.pong();
  if (!before) {
    ++exchanges.begun;
    ++exchanges.ended;
  }
  peer.say(kAsk, 0, 0);
  peer.answer();
  const Reports reports = running.get();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].status.code() == Code::kAborted);
  CHECK(reports[0].probe.round_trip_s > 0);
  CHECK(reports[0].probe.bytes == 0);
  CHECK(reports[0].probe.busy_s == 0);
}

// Mutation: in NcclTransport, leave out control(); in probe_links, take `transport` for its control
// (the link then carries a message).
TEST_CASE("prober: where another transport carries payloads, only its control is measured") {
  const auto links = std::make_shared<MemoryLinks>();
  const auto members = make_nccl_members("grpc", links, 2);
  auto other = std::async(std::launch::async, [&] { return probe(*members[1], 2); });
  for (const Reports& reports : {probe(*members[0], 2), other.get()}) {
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].status.to_string() == "ok");
    CHECK(reports[0].probe.round_trip_s > 0);
    CHECK(reports[0].probe.bytes == 0);
  }
  CHECK(links->made() == 0);
}

}  // namespace outrigger::prober_test
