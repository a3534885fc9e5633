// Collectives over slow links, in virtual time.
#include <numeric>
#include <thread>

#include <outrigger/comm/collective/pipeline.h>

#include "cases.h"
#include "support/catch.h"
#include "weighted_mean.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::virtual_links_test {
namespace {

using Link = InProcessNetwork::Link;

constexpr double kRate = 1e5;  // bytes a second, of a fragment of about 4 MB
constexpr auto kLatency = std::chrono::milliseconds(700);

struct Ran {
  double seconds;  // until the last member was done
  std::vector<Result<Exchanged>> results;
};

// All members at once, from the time's beginning.
Ran run_in(VirtualTime& time, const Transports& members, const std::string& name, const Case& c) {
  std::vector<Result<Exchanged>> results(members.size(), Status(Code::kInternal, "not run"));
  std::vector<std::shared_ptr<const void>> held;
  for (std::size_t k = 0; k < members.size(); ++k) held.push_back(time.thread());
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < members.size(); ++k)
      threads.emplace_back([&, k, mine = std::exchange(held[k], nullptr)] {
        Exchange exchange = c.exchange;
        exchange.own = std::make_shared<const ByteBuffer>(c.encoded[k]);
        std::optional<MemberId> failed;
        results[k] = collective(name).run(*members[k], WeightedMean(), exchange,
                                          TimePoint{} + std::chrono::hours(24), {}, failed);
      });
  }
  for (const auto& result : results) REQUIRE(result.status().to_string() == "ok");
  return {seconds(time.now() - TimePoint{}), std::move(results)};
}

}  // namespace

// Mutations: in InProcessNetwork::Shared::way, leave out the latency, or let every message find the
// link free; in Pipeline, ask the steady clock for any of its times (the last test) or wait by it
// (hangs).
TEST_CASE("over slow links a collective takes the time that arithmetic says, with the same bits") {
  const std::size_t count = GENERATE(2U, 3U);
  const std::string name = GENERATE(as<std::string>(), "gather", "direct");
  VirtualTime time;
  InProcessNetwork network(time, [](MemberId, MemberId) { return Link{kLatency, kRate}; });
  const auto members = make_members(network, count);
  const Case c(count, 1'000'003, codec("fp32"), codec("fp32"));
  const Ran ran = run_in(time, members, name, c);
  for (const auto& result : ran.results) CHECK((*result->bytes == c.reference(*result->codec)));
  // All links are busy from the start to the end; then the last message is on its way, and its
  // answer. Each member has one link to each other.
  const auto bytes =
      collective(name).bytes_sent({count, c.elements, c.codec, c.result_codec, c.exchange.sites});
  const double most = static_cast<double>(*std::ranges::max_element(bytes));
  const double busy = most / static_cast<double>(count - 1) / kRate;
  CHECK(ran.seconds == Approx(busy + 2 * seconds(kLatency)).epsilon(0.001));
}

// Mutation: in InProcessNetwork::Shared::way, let a member have one link to all.
TEST_CASE("a member whose links are slow holds up a gather, each link by its own messages") {
  VirtualTime time;
  InProcessNetwork network(time, [](MemberId from, MemberId) {
    return Link{{}, from == island(1) ? kRate / 10 : kRate};
  });
  const auto members = make_members(network, 3);
  const Case c(3, 100'003, codec("fp32"), codec("fp32"));
  CHECK(run_in(time, members, "gather", c).seconds ==
        Approx(4 * 100'003 / (kRate / 10)).epsilon(0.01));
}

// Mutation: in Pipeline::start_sends, leave out the window.
TEST_CASE("over a long way a member sends a window, and the next when it is answered") {
  VirtualTime time;
  InProcessNetwork network(time, [](MemberId, MemberId) { return Link{kLatency, 0}; });
  const auto members = make_members(network, 2);
  const std::size_t windows = 2;
  Case c(2, 0, codec("fp32"), codec("fp32"));
  c.fill(windows * (Pipeline::kWindowBytes / sizeof(float)));
  CHECK(run_in(time, members, "gather", c).seconds == Approx(windows * 2 * seconds(kLatency)));
}

// Mutations: in State::done, go by the steady clock; for begun_, take its time (the message).
TEST_CASE("an exchange's deadline of an hour passes in virtual time, and the peer is named") {
  VirtualTime time;
  InProcessNetwork network(time, [](MemberId, MemberId) { return Link{}; });
  const auto members = make_members(network, 2);
  const auto held = time.thread();
  const Case c(2, 5000, codec("fp32"), codec("fp32"));
  Exchange exchange = c.exchange;
  exchange.own = std::make_shared<const ByteBuffer>(c.encoded[0]);
  std::optional<MemberId> failed;
  const TimePoint deadline = TimePoint{} + std::chrono::hours(1);
  const Status status = collective("direct")
                            .run(*members[0], WeightedMean(), exchange, deadline, {}, failed)
                            .status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.message().find("not done within 3.6e+03 s") != std::string::npos);
  CHECK(failed == island(1));
  CHECK(time.now() == deadline);
}

// Mutations: in Pipeline::watch, take the steady clock's time; in InProcessNetwork::Shared::way,
// ask for the link from `to` to `from`.
TEST_CASE("the rates that an exchange measures are those of the links") {
  VirtualTime time;
  InProcessNetwork network(time, [](MemberId from, MemberId) {
    return Link{kLatency, from == island(1) ? kRate / 4 : kRate};
  });
  const auto members = make_members(network, 2);
  const Case c(2, 1'000'003, codec("fp32"), codec("fp32"));
  const Ran ran = run_in(time, members, "gather", c);
  for (const std::size_t k : {0U, 1U}) {
    REQUIRE(ran.results[k]->links.size() == 1);
    const LinkUse& link = ran.results[k]->links[0];
    const double rate = k == 0 ? kRate / 4 : kRate;
    CHECK(static_cast<double>(link.bytes) / link.busy_s == Approx(rate).epsilon(0.01));
  }
}

}  // namespace outrigger::virtual_links_test
