// Sums of several members (groups.h) over links in memory.
#include <random>
#include <thread>

#include <outrigger/comm/transport/nccl/wire.h>

#include "members.h"
#include "memory_links.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::nccl_groups_test {
namespace {

struct Summed {
  Status status;
  std::optional<MemberId> failed;
  std::vector<float> values;
};

float value_of(std::size_t member, std::uint64_t round) {
  return static_cast<float>((member + 1) * (round + 3));
}

constexpr std::size_t kValues = 2001;

// One member's part in the sum of `members`, of numbers that depend on the round.
Summed sum_one(Transport& transport, const std::vector<MemberId>& members, std::uint64_t round,
               std::uint64_t attempt, double seconds = 30, const std::stop_token& stop = {},
               std::size_t count = kValues) {
  Summed summed;
  summed.values.assign(count, value_of(transport.self().island, round));
  summed.status = transport.groups()->all_reduce({{0, round}, {1, attempt}, members}, summed.values,
                                                 in(seconds), stop, summed.failed);
  return summed;
}

struct Job {
  explicit Job(std::size_t count, const std::string& control = "in_process")
      : members(make_nccl_members(control, links, count, {.patience = std::chrono::seconds(2)})) {}

  std::vector<MemberId> names() const {
    std::vector<MemberId> all;
    for (const auto& member : members)
      if (member) all.push_back(member->self());
    return all;
  }
  // All that are left, each on a thread of its own.
  std::vector<Summed> sum(std::uint64_t round, std::uint64_t attempt = 1, double seconds = 30,
                          const std::stop_token& stop_of_last = {}) {
    const std::vector<MemberId> all = names();
    std::vector<Summed> sums(members.size());
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < members.size(); ++k)
      if (members[k])
        threads.emplace_back([&, k] {
          const bool last = k + 1 == members.size();
          sums[k] = sum_one(*members[k], all, round, attempt, seconds,
                            last ? stop_of_last : std::stop_token());
        });
    threads.clear();
    return sums;
  }
  void succeeds(std::uint64_t round, std::uint64_t attempt = 1) {
    float whole = 0;
    for (const MemberId& member : names()) whole += value_of(member.island, round);
    const std::vector<Summed> sums = sum(round, attempt);
    for (std::size_t k = 0; k < members.size(); ++k) {
      if (!members[k]) continue;
      CHECK(sums[k].status.to_string() == "ok");
      CHECK((sums[k].values == std::vector<float>(kValues, whole)));
    }
  }
  void wait_for_sums(std::size_t under_way) const {
    for (const TimePoint end = in(20); links->sums_under_way() != under_way;) {
      REQUIRE(Clock::now() < end);
      std::this_thread::yield();
    }
  }

  std::shared_ptr<MemoryLinks> links = std::make_shared<MemoryLinks>();
  Transports members;
};

bool says(const Status& status, const std::string& words) {
  return status.message().find(words) != std::string::npos;
}

}  // namespace

// Mutations: in SumRun::make_go, always make an id; in find, do not drop the groups of others (the
// third change then makes no link); in NcclGroups::all_reduce, do not sort.
TEST_CASE("sums: a link serves the same members, in any order, until others come to sum") {
  Job job(3);
  for (std::uint64_t round = 0; round < 3; ++round) job.succeeds(round);
  std::ranges::swap(job.members[0], job.members[2]);  // names() is in another order
  job.succeeds(3);
  CHECK(job.links->made() == 1);
  std::vector<MemberId> pair = {island(0), island(2)};
  Summed first;
  std::jthread summing([&] { first = sum_one(*job.members[0], pair, 4, 1); });
  const Summed second = sum_one(*job.members[2], pair, 4, 1);
  summing.join();
  CHECK(first.values == second.values);
  CHECK(first.values[0] == value_of(0, 4) + value_of(2, 4));
  CHECK(job.links->made() == 2);
  job.succeeds(5);
  CHECK(job.links->made() == 3);
}

// Mutation: in Turn's constructor, do not ask whether somebody is busy.
TEST_CASE("sums: rounds that are under way at once are not mixed up") {
  constexpr std::uint64_t kRounds = 40;
  Job job(3);
  job.succeeds(kRounds);
  const std::vector<MemberId> all = job.names();
  std::vector<std::vector<Summed>> sums(3, std::vector<Summed>(kRounds));
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < 3; ++k)
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      const std::uint64_t round = k == 1 ? kRounds - 1 - i : i;  // not all in one order
      threads.emplace_back(
          [&, k, round] { sums[k][round] = sum_one(*job.members[k], all, round, 1); });
    }
  threads.clear();
  for (std::size_t k = 0; k < 3; ++k)
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const float whole = value_of(0, round) + value_of(1, round) + value_of(2, round);
      REQUIRE(sums[k][round].status.to_string() == "ok");
      REQUIRE((sums[k][round].values == std::vector<float>(kValues, whole)));
    }
  CHECK(job.links->made() == 1);
}

// Mutation: in SumRun::run, tell nobody (the others take their deadlines); do not give the link up
// (the next sum waits for its deadline).
TEST_CASE("sums: a link that fails at one member fails for all at once, and is made anew") {
  Job job(3);
  job.succeeds(0);
  job.links->fail_next_sum();
  const TimePoint begin = Clock::now();
  std::size_t own = 0, told = 0;
  for (const Summed& summed : job.sum(1)) {
    INFO(summed.status.to_string());
    CHECK_FALSE(summed.failed);
    CHECK(says(summed.status, "the sum of round 1 of fragment 0 (term 1, attempt 1) among 3"));
    own += summed.status.code() == Code::kInternal && says(summed.status, "made to fail");
    told += summed.status.code() == Code::kUnavailable && says(summed.status, "given the sum up");
  }
  CHECK(own == 1);
  CHECK(told == 2);
  CHECK(Clock::now() < begin + std::chrono::seconds(15));
  job.succeeds(1, 2);
  CHECK(job.links->made() == 2);
}

// Mutation: in SumWatch, do not pass the stop on.
TEST_CASE("sums: a stop ends the sum at all members") {
  Job job(3);
  job.succeeds(0);
  job.links->stall_sums(true);
  std::stop_source stop;
  std::vector<Summed> sums;
  std::jthread summing([&] { sums = job.sum(1, 1, 100, stop.get_token()); });
  job.wait_for_sums(3);
  stop.request_stop();
  const TimePoint begin = Clock::now();
  summing.join();
  CHECK(Clock::now() < begin + std::chrono::seconds(15));
  CHECK(sums[2].status.code() == Code::kCancelled);
  for (const std::size_t k : {0U, 1U}) {
    CHECK(sums[k].status.code() == Code::kUnavailable);
    CHECK_FALSE(sums[k].failed);
  }
  job.links->stall_sums(false);
  job.succeeds(1, 2);
}

// Mutation: in SumRun::sum_up, pass TimePoint::max() to the link; in connect_group's call, likewise
// with a link that is new.
TEST_CASE("sums: a link that stands still is given up at the deadline") {
  Job job(2);
  job.succeeds(0);
  job.links->stall_sums(true);
  std::size_t late = 0;
  for (const Summed& summed : job.sum(1, 1, 0.3)) {
    CHECK_FALSE(summed.status.ok());
    late += summed.status.code() == Code::kDeadlineExceeded;
  }
  CHECK(late > 0);  // the other may have been told
  job.links->stall_sums(false);
  job.succeeds(1, 2);
}

// Mutation: in SumRun::hear_all, nobody is late; in hear_go, a leader is, or tells_ stays true.
TEST_CASE("sums: who does not come is named by the leader, and no device waits for it") {
  Job job(3);
  const std::vector<MemberId> all = job.names();
  const std::size_t missing = GENERATE(0U, 2U);
  std::vector<Summed> sums(3);
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < 3; ++k)
    if (k != missing)
      threads.emplace_back(
          [&, k] { sums[k] = sum_one(*job.members[k], all, 0, 1, k == 0 ? 0.7 : 0.4); });
  threads.clear();
  CHECK(job.links->connects() == 0);
  for (std::size_t k = 0; k < 3; ++k) {
    if (k == missing) continue;
    INFO("island " << k << ": " << sums[k].status.to_string());
    CHECK_FALSE(sums[k].status.ok());
    if (k == 0) {
      CHECK(sums[0].status.code() == Code::kDeadlineExceeded);
      CHECK(sums[0].failed == island(2));
      CHECK(says(sums[0].status, "island 2 (incarnation 1)"));
    } else {
      CHECK_FALSE(sums[k].failed);
    }
  }
  job.succeeds(0, 2);
}

// Mutation: in SumWatch, do not listen (the others take their deadlines, 100 s); in fail(), nobody
// is lost.
TEST_CASE("sums: a process that dies in the middle ends the sum for all, and is named") {
  const std::string control = GENERATE(as<std::string>(), "in_process", "grpc");
  const auto links = std::make_shared<MemoryLinks>();
  Transports members = make_members(control, 3);
  for (const std::size_t k : {0U, 1U})
    members[k] = std::make_unique<NcclTransport>(std::move(members[k]), links);
  const std::vector<MemberId> all = {island(0), island(1), island(2)};
  std::vector<Summed> sums(2);
  std::vector<std::jthread> threads;
  for (const std::size_t k : {0U, 1U})
    threads.emplace_back([&, k] { sums[k] = sum_one(*members[k], all, 0, 1, 100); });
  // Island 2 says that it is there, hears where the sum goes, and is gone.
  Transport& dying = *members[2];
  const SharedBytes ready = pack(Answer{Status(), kValues, 0, {}});
  const Tag ready_tag = sum_tag({0, 0}, {1, 1}, SumMessage::kReady);
  CHECK(send(dying, island(0), ready_tag, ready.bytes).wait().to_string() == "ok");
  ByteBuffer go(kAnswerBytes);
  const Tag go_tag = sum_tag({0, 0}, {1, 1}, SumMessage::kGo);
  CHECK(recv(dying, island(0), go_tag, go).wait().to_string() == "ok");
  while (links->connects() < 2) std::this_thread::yield();
  members[2].reset();
  const TimePoint begin = Clock::now();
  threads.clear();
  CHECK(Clock::now() < begin + std::chrono::seconds(20));
  std::size_t named = 0;
  for (const Summed& summed : sums) {
    INFO(summed.status.to_string());
    CHECK(summed.status.code() == Code::kUnavailable);
    named += summed.failed == island(2) && says(summed.status, "island 2 (incarnation 1)");
  }
  CHECK(named > 0);  // the other may have heard of it from that one
}

// Mutation: as above.
TEST_CASE("sums: a member that is given up ends the sum for all, and the others go on") {
  const std::string control = GENERATE(as<std::string>(), "in_process", "grpc");
  const std::size_t victim = GENERATE(0U, 2U);
  Job job(3, control);
  job.succeeds(0);
  job.links->stall_sums(true);
  const std::vector<MemberId> all = job.names();
  std::vector<Summed> sums(3);
  std::stop_source dies;
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < 3; ++k)
    threads.emplace_back([&, k] {
      sums[k] = sum_one(*job.members[k], all, 1, 1, 100,
                        k == victim ? dies.get_token() : std::stop_token());
      if (k == victim) job.members[k].reset();
    });
  job.wait_for_sums(3);
  for (std::size_t k = 0; k < 3; ++k)
    if (k != victim)
      job.members[k]->peer_lost(island(static_cast<std::uint32_t>(victim)),
                                {Code::kUnavailable, "no heartbeat for 5 s"});
  const TimePoint begin = Clock::now();
  dies.request_stop();
  threads.clear();
  CHECK(Clock::now() < begin + std::chrono::seconds(20));
  job.links->stall_sums(false);
  std::size_t named = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    if (k == victim) continue;
    INFO("island " << k << ": " << sums[k].status.to_string());
    CHECK(sums[k].status.code() == Code::kUnavailable);
    named += sums[k].failed == island(static_cast<std::uint32_t>(victim)) &&
             says(sums[k].status, "no heartbeat for 5 s");
  }
  CHECK(named > 0);  // the other may have heard of it from that one
  job.succeeds(2);
  CHECK(job.links->made() == 2);
}

// Mutations: in Group::give_up, keep the id (sums then wait for their deadlines: minutes); in
// ~Turn, stay busy.
TEST_CASE("sums: 300 that are stopped at random moments leave nothing in the way") {
  Job job(3);
  std::mt19937_64 random(6);
  const std::vector<MemberId> all = job.names();
  const float whole = value_of(0, 0) + value_of(1, 0) + value_of(2, 0);
  for (std::uint64_t attempt = 1; attempt <= 300; ++attempt) {
    for (const auto& member : job.members) member->abort_before({0, 0}, {1, attempt});
    std::vector<std::stop_source> stops(3);
    std::vector<Summed> sums(3);
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < 3; ++k)
      threads.emplace_back([&, k] {
        sums[k] = sum_one(*job.members[k], all, 0, attempt, 60, stops[k].get_token());
      });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
    stops[random() % 3].request_stop();  // the others hear of it
    threads.clear();
    for (const Summed& summed : sums) {
      if (summed.status.ok()) CHECK(summed.values[0] == whole);
      CHECK_FALSE(summed.failed);
    }
  }
  job.succeeds(0, 301);
}

// Mutation: in SumRun::run, give up the group's link whatever the sum was to go over.
TEST_CASE("sums: one that fails before it has a link leaves that of the others alone") {
  Job job(3);
  job.succeeds(0);
  const std::vector<MemberId> all = job.names();
  for (const std::size_t alone : {0U, 1U}) {  // the leader, and another
    std::stop_source stop;
    Summed stopped;
    std::jthread summing(
        [&] { stopped = sum_one(*job.members[alone], all, 8, 1 + alone, 100, stop.get_token()); });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop.request_stop();
    summing.join();
    CHECK(stopped.status.code() == Code::kCancelled);
    job.succeeds(1 + alone);
  }
  CHECK(job.links->made() == 1);
}

// Mutation: in SumRun::make_go, do not compare the counts (the imitation then throws).
TEST_CASE("sums: members that bring unlike numbers of values are told, and no link is made") {
  Job job(3);
  const std::vector<MemberId> all = job.names();
  std::vector<Summed> sums(3);
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < 3; ++k)
    threads.emplace_back(
        [&, k] { sums[k] = sum_one(*job.members[k], all, 0, 1, 30, {}, k == 2 ? 5 : kValues); });
  threads.clear();
  std::size_t told = 0;  // others may hear first that one of them has given up
  for (const Summed& summed : sums) {
    INFO(summed.status.to_string());
    CHECK_FALSE(summed.status.ok());
    told += says(summed.status,
                 "island 2 (incarnation 1) brings 5 values and island 0 "
                 "(incarnation 1) 2001: their models differ");
  }
  CHECK(told > 0);
  CHECK(job.links->connects() == 0);
  job.succeeds(0, 2);
}

// Mutation: in SumRun::follow, take whatever id it is.
TEST_CASE("sums: a leader that names no link is refused, by its name") {
  const auto links = std::make_shared<MemoryLinks>();
  Transports members = make_members("in_process", 2);
  members[1] = std::make_unique<NcclTransport>(std::move(members[1]), links);
  const std::uint64_t place = GENERATE(0U, 1U);
  Summed summed;
  std::jthread summing([&] { summed = sum_one(*members[1], {island(0), island(1)}, 0, 1, 20); });
  const SharedBytes go = pack(Answer{Status(), 0, place, {}});
  CHECK(send(*members[0], island(1), sum_tag({0, 0}, {1, 1}, SumMessage::kGo), go.bytes)
            .wait()
            .to_string() == "ok");
  summing.join();
  CHECK(summed.status.code() == Code::kCorruption);
  CHECK(says(summed.status, "island 0 (incarnation 1) leads the sum and names no link"));
}

// Mutation: in SumRun::lead, tell nobody of a go that is refused.
TEST_CASE("sums: without an id all are told at once") {
  Job job(3);
  job.links->fail_ids(1);
  const TimePoint begin = Clock::now();
  for (const Summed& summed : job.sum(0)) {
    INFO(summed.status.to_string());
    CHECK_FALSE(summed.status.ok());
    CHECK_FALSE(summed.failed);
  }
  CHECK(Clock::now() < begin + std::chrono::seconds(15));
  job.succeeds(0, 2);
}

// Mutation: in sum_tag, leave the attempt out (it is then the old one's message that is heard).
TEST_CASE("sums: a later attempt ends the earlier one, and only that round's") {
  Job job(2);
  const std::vector<MemberId> all = job.names();
  Summed early, other;
  std::jthread first([&] { early = sum_one(*job.members[0], all, 7, 1, 100); });
  std::jthread second([&] { other = sum_one(*job.members[0], all, 8, 1, 100); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (const auto& member : job.members) member->abort_before({0, 7}, {1, 2});
  first.join();
  CHECK(early.status.code() == Code::kAborted);
  CHECK_FALSE(early.failed);
  CHECK(sum_one(*job.members[1], all, 8, 1).status.to_string() == "ok");
  second.join();
  CHECK(other.status.to_string() == "ok");
  job.succeeds(7, 2);
}

// Mutation: in NcclGroups::Group, compare islands only: the old incarnation's link would serve.
TEST_CASE("sums: a member that has started anew gets a new link") {
  InProcessNetwork network;
  const auto links = std::make_shared<MemoryLinks>();
  NcclTransport leader(network.transport(island(0)), links);
  for (const std::uint64_t incarnation : {1U, 2U}) {
    const MemberId peer = island(1, incarnation);
    NcclTransport other(network.transport(peer), links);
    throw_if_error(leader.add_peer(peer, ""));
    throw_if_error(other.add_peer(island(0), ""));
    const std::vector<MemberId> both = {island(0), peer};
    Summed others;
    std::jthread summing([&] { others = sum_one(other, both, incarnation, 1); });
    CHECK(sum_one(leader, both, incarnation, 1).status.to_string() == "ok");
    summing.join();
    CHECK(others.status.to_string() == "ok");
    CHECK(links->made() == incarnation);
  }
}

}  // namespace outrigger::nccl_groups_test
