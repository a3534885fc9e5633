#include <thread>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/chunks.h>

#include "cases.h"
#include "support/catch.h"
#include "weighted_mean.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: in Pipeline::handle, do not look at the status.
TEST_CASE("a lost peer fails the exchange at once and leaves nothing pending") {
  const std::string kind = GENERATE(as<std::string>(), "in_process", "grpc");
  // Of a star only the hub would notice.
  const char* name = GENERATE("direct", "gather", "ring", "hierarchical");
  auto members = make_members(kind, 3);
  Case c(3, 100001, codec("fp32"), codec("fp32"));
  std::vector<Status> results(2);
  {
    std::vector<std::jthread> threads;
    for (const std::size_t k : {0U, 1U})
      threads.emplace_back(
          [&, k] { results[k] = run_one(*members[k], collective(name), c, 1e6).status(); });
    // One has had the other's message, so both are in the exchange.
    while (members[0]->bytes_received() + members[1]->bytes_received() < 40)
      std::this_thread::yield();
    for (const std::size_t k : {0U, 1U})
      members[k]->peer_lost(island(2), {Code::kUnavailable, "no heartbeat for 5 s"});
  }
  for (const Status& status : results) {
    CHECK(status.code() == Code::kUnavailable);
    CHECK(status.message().find("island ") != std::string::npos);
  }
  // The same tags are free again, so nothing was left behind. Over gRPC the word that a message
  // will not come may be late: there, as in a session, the next attempt has another number.
  Case again(2, 100001, codec("fp32"), codec("fp32"));
  if (kind == "grpc") ++again.exchange.attempt.number;
  members.pop_back();
  INFO(kind << ", " << name);
  for (const auto& result : run_all(members, collective(name), again))
    CHECK(result.status().to_string() == "ok");
}

// Mutation: in Pipeline::run, leave out the stop callback.
TEST_CASE("a stop request cancels the exchange") {
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  std::stop_source stop;
  Status status;
  std::jthread thread([&] {
    status = run_one(*members[0], collective("direct"), c, 1e6, stop.get_token()).status();
  });
  stop.request_stop();
  thread.join();
  CHECK(status.code() == Code::kCancelled);
}

// Mutation: in Pipeline::collect, do not look at the deadline (hangs).
TEST_CASE("an exchange ends at its deadline and names the peer") {
  const char* name = GENERATE("direct", "gather", "star", "ring", "hierarchical");
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  std::optional<MemberId> failed;
  const Status status = run_one(*members[0], collective(name), c, 0.05, {}, &failed).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(failed == island(1));
  CHECK(status.message().find("island 1 (incarnation 1)") != std::string::npos);
}

// Mutation: in Pipeline::charge, charge all peers of the stream.
TEST_CASE("the slowest peer is the one that came last") {
  const auto members = make_members("in_process", 3);
  Case c(3, 5000, codec("fp32"), codec("fp32"));
  const std::uint32_t slow = GENERATE(1U, 2U);
  std::vector<Result<Exchanged>> results(3, Status(Code::kInternal, "not run"));
  {
    std::vector<std::jthread> threads;
    for (const std::uint32_t k : {0U, 3 - slow})
      threads.emplace_back([&, k] { results[k] = run_one(*members[k], collective("gather"), c); });
    // The other two have had each other's message before the slow one begins.
    while (members[0]->bytes_received() < 20000 || members[3 - slow]->bytes_received() < 20000)
      std::this_thread::yield();
    threads.emplace_back([&] { results[slow] = run_one(*members[slow], collective("gather"), c); });
  }
  CHECK(results[0]->slowest == island(slow));
  CHECK(results[3 - slow]->slowest == island(slow));
}

// Mutation: in aggregate_chunk, return `status` without looking for the contributor, or do
// not set failed_peer.
TEST_CASE("bytes that do not decode are blamed on their contributor") {
  const auto members = make_members("in_process", 3);
  Case c(3, 5000, codec("int8"), codec("fp32"));
  std::ranges::fill(c.encoded[1], std::byte{0xff});  // every scale a NaN
  std::vector<std::optional<MemberId>> failed;
  for (const auto& result : run_all(members, collective("gather"), c, &failed)) {
    CHECK(result.status().code() == Code::kCorruption);
    CHECK(result.status().message().find("island 1 (incarnation 1)") != std::string::npos);
  }
  CHECK(failed == std::vector<std::optional<MemberId>>(3, island(1)));
}

// Mutation: in check_exchange, drop any of its lines.
TEST_CASE("an exchange that contradicts itself is a defect") {
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  switch (GENERATE(0, 1, 2, 3, 4)) {
    case 0:
      c.exchange.contributors.pop_back();  // island 0
      c.exchange.weights.pop_back();
      c.exchange.owners = {island(1)};
      break;
    case 1:
      c.exchange.weights.pop_back();
      break;
    case 2:
      c.exchange.weights = {0, 0};
      break;
    case 3:
      c.exchange.owners.push_back(island(7));
      break;
    case 4:
      c.encoded[0].pop_back();
      break;
  }
  const auto result = run_one(*members[0], collective("direct"), c, 1);
  CHECK(result.status().code() == Code::kInternal);
}

// Mutation: in choose_collective, exchange the names, or take <= for <.
TEST_CASE("auto takes what moves fewer bytes, and direct on a tie") {
  CHECK(choose_collective(1, codec("int8"), codec("fp32")) == "direct");
  CHECK(choose_collective(2, codec("fp32"), codec("fp32")) == "direct");  // 1 against 1/2 (1 + 1)
  CHECK(choose_collective(2, codec("int8"), codec("fp32")) == "gather");  // 1 against 1/2 (1 + 4)
  CHECK(choose_collective(3, codec("int8"), codec("fp32")) == "gather");
  CHECK(choose_collective(6, codec("int8"), codec("fp32")) == "direct");
  CHECK(find_collective("direct").ok());
  const auto unknown = find_collective("rings");
  CHECK(unknown.status().code() == Code::kNotFound);
  CHECK(unknown.status().message().find("direct, gather, star, ring, hierarchical, gossip") !=
        std::string::npos);
}

// Mutation: in Pipeline::received, count the first message too, or forget `since` after every one.
TEST_CASE("links are measured by all that comes from a peer but the first message") {
  const auto members = make_members("in_process", 3);
  const Case c(3, 1'000'000, codec("fp32"), codec("fp32"));
  const auto results = run_all(members, collective("gather"), c);
  const Codec* codecs[] = {c.codec};
  const auto chunks = cut_chunks({0, c.elements}, codecs);
  for (std::uint32_t k = 0; k < 3; ++k) {
    REQUIRE(results[k].ok());
    REQUIRE(results[k]->links.size() == 2);
    for (const LinkUse& link : results[k]->links) {
      CHECK(link.peer != island(k));
      const std::size_t left_out = 4 * c.elements - link.bytes;
      CHECK(left_out >= 4 * (chunks.front().elements - kDriverBlock));
      CHECK(left_out <= 4 * (chunks.front().elements + kDriverBlock));
    }
  }
  const Case small(3, 1000, codec("fp32"), codec("fp32"));
  for (const auto& result : run_all(members, collective("gather"), small))
    CHECK(result->links.empty());
}
