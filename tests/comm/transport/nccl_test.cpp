// What NcclTransport does beyond every transport's rules, over links in memory.
#include <atomic>
#include <future>
#include <thread>

#include <outrigger/comm/transport/nccl/nccl_links.h>
#include <outrigger/comm/transport/nccl/outgoing.h>
#include <outrigger/comm/transport/nccl/wire.h>

#include "members.h"
#include "memory_links.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::nccl_test {
namespace {

constexpr std::size_t kBytes = 400000;  // several pieces of a link

struct Pair {
  std::shared_ptr<MemoryLinks> links = std::make_shared<MemoryLinks>();
  std::atomic<int> warnings = 0;
  Transports members;

  explicit Pair(double patience = 5, const std::string& control = "in_process") {
    NcclOptions options{.patience = in(patience)-Clock::now()};
    options.warn = [this](const std::string&) { ++warnings; };
    members = make_nccl_members(control, links, 2, options);
  }

  // Both statuses of one message from island 0 to island 1.
  std::pair<Status, Status> exchange(std::uint32_t number, double seconds = 30) {
    const auto payload = pattern(kBytes, number);
    std::vector<std::byte> dest(kBytes);
    const Operation received = recv(*members[1], island(0), tag(number), dest, seconds);
    const Operation sent = send(*members[0], island(1), tag(number), payload, seconds);
    const Status status = received.wait();
    if (status.ok()) CHECK((dest == payload));
    return {status, sent.wait()};
  }

  // As soon as a message gets through again.
  void recovers(std::uint32_t number) {
    for (const TimePoint end = in(20);; ++number) {
      const auto [received, sent] = exchange(number);
      if (received.ok() && sent.ok()) return;
      REQUIRE(Clock::now() < end);
    }
  }
};

}  // namespace

// Mutation: in Incoming::drop, keep id_ (it hangs, or fails); in Outgoing::granted, do not call
// begin_generation (likewise); in Outgoing::fail, do not tell_broken (the receiver then waits out
// its deadline).
TEST_CASE("nccl: a link that fails at either end costs its messages and is made anew") {
  const LinkEnd end = GENERATE(LinkEnd::kSender, LinkEnd::kReceiver);
  Pair pair;
  CHECK(pair.exchange(0).first.to_string() == "ok");
  CHECK(pair.exchange(1).first.to_string() == "ok");
  CHECK(pair.links->made() == 1);
  pair.links->fail_next(end);
  const TimePoint begin = Clock::now();
  const auto [received, sent] = pair.exchange(2);
  CHECK_FALSE(received.ok());
  CHECK(received.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK_FALSE(sent.ok());
  CHECK(sent.message().find("island 1 (incarnation 1)") != std::string::npos);
  CHECK((end == LinkEnd::kSender ? sent : received).message().find("made to fail") !=
        std::string::npos);
  CHECK(Clock::now() < begin + std::chrono::seconds(15));
  pair.recovers(3);
  CHECK(pair.links->made() == 2);
  CHECK(pair.warnings == 1);  // at the end where it failed
}

// Mutation: in Incoming::receive and in Outgoing::transfer, pass TimePoint::max() to the link
// (each end alone is told by the other).
TEST_CASE("nccl: a link that stands still is given up at its message's deadline") {
  const LinkEnd end = GENERATE(LinkEnd::kSender, LinkEnd::kReceiver);
  Pair pair(0.3);
  CHECK(pair.exchange(0).first.to_string() == "ok");
  pair.links->stall(end, true);
  const auto [received, sent] = pair.exchange(1, 0.2);
  CHECK(received.code() == Code::kDeadlineExceeded);
  CHECK(received.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK_FALSE(sent.ok());
  for (const TimePoint until = in(20); pair.warnings == 0;) {  // the link, too
    REQUIRE(Clock::now() < until);
    std::this_thread::yield();
  }
  pair.links->stall(end, false);
  pair.recovers(2);
}

// Mutation: in NcclTransport::send, cancel the answer at once with the offer (links are then
// remade); in Incoming::receive, copy without touch() (ASan: dest is gone).
TEST_CASE("nccl: cancelling at any moment leaves the link in step") {
  Pair pair;
  CHECK(pair.exchange(0).first.to_string() == "ok");
  std::uint32_t random = 1;
  for (std::uint32_t i = 1; i <= 200; ++i) {
    random = random * 1664525U + 1013904223U;
    const auto payload = pattern(kBytes, i);
    std::vector<std::byte> dest(kBytes);
    // The other end may be left without it, and waits so long.
    const bool sender = (random & 1024) != 0;
    const Operation received = recv(*pair.members[1], island(0), tag(i), dest, sender ? 0.02 : 30);
    const Operation sent = send(*pair.members[0], island(1), tag(i), payload, sender ? 30 : 0.02);
    std::this_thread::sleep_for(std::chrono::microseconds(random >> 24));
    (sender ? sent : received).cancel();
    const Status got = received.wait();
    if (got.ok()) CHECK((dest == payload));
    (void)sent.wait();
  }
  CHECK(pair.exchange(1000).first.to_string() == "ok");
  CHECK(pair.exchange(1001).second.to_string() == "ok");
  CHECK(pair.links->made() == 1);
  CHECK(pair.warnings == 0);
}

// Mutation: in Incoming::receive, end with Ok instead of check_dest's status; or return that status
// (the link is then remade).
TEST_CASE("nccl: bytes altered on the link are found, and the link stays") {
  Pair pair;
  pair.links->alter_next_message();
  const Status received = pair.exchange(0).first;
  CHECK(received.code() == Code::kCorruption);
  CHECK(received.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK(pair.exchange(1).first.to_string() == "ok");
  CHECK(pair.links->made() == 1);
}

// Mutation: in Incoming::run, hold no slot.
TEST_CASE("nccl: only so many receives are under way on a device at once") {
  const auto links = std::make_shared<MemoryLinks>();
  const auto members = make_nccl_members("in_process", links, 7);
  links->stall(LinkEnd::kSender, true);
  std::vector<std::vector<std::byte>> dests(6, std::vector<std::byte>(kBytes));
  std::vector<Operation> operations;
  for (std::uint32_t k = 1; k < 7; ++k) {
    operations.push_back(recv(*members[0], island(k), tag(k), dests[k - 1]));
    operations.push_back(send(*members[k], island(0), tag(k), pattern(kBytes, k)));
  }
  for (const TimePoint end = in(20); links->connects() < 2 * NcclCore::kAtOnce;) {
    REQUIRE(Clock::now() < end);
    std::this_thread::yield();
  }
  links->stall(LinkEnd::kSender, false);
  for (const Operation& operation : operations) CHECK(operation.wait().to_string() == "ok");
  for (std::uint32_t k = 1; k < 7; ++k) CHECK((dests[k - 1] == pattern(kBytes, k)));
  CHECK(links->most_under_way() <= NcclCore::kAtOnce);
}

// Island 0, whose receives are all busy: with what islands 1, 2, ... send and does not come.
struct AllBusy {
  AllBusy() {
    NcclOptions options{.patience = std::chrono::milliseconds(200)};
    options.warn = [this](const std::string&) { ++warnings; };
    members = make_nccl_members("in_process", links, NcclCore::kAtOnce + 2, options);
    links->stall(LinkEnd::kSender, true);
    for (std::uint32_t k = 1; k <= NcclCore::kAtOnce; ++k) {
      busy.push_back(recv(*members[0], island(k), tag(k), dests[k]));
      busy.push_back(send(*members[k], island(0), tag(k), pattern(kBytes, k)));
    }
    for (const TimePoint end = in(20); links->connects() < 2 * NcclCore::kAtOnce;) {
      REQUIRE(Clock::now() < end);
      std::this_thread::yield();
    }
  }
  // To the end.
  void go_on() {
    links->stall(LinkEnd::kSender, false);
    for (const Operation& operation : busy) CHECK(operation.wait().to_string() == "ok");
  }

  static constexpr std::uint32_t kLast = NcclCore::kAtOnce + 1;  // the island without a slot
  std::shared_ptr<MemoryLinks> links = std::make_shared<MemoryLinks>();
  std::atomic<int> warnings = 0;
  std::vector<std::vector<std::byte>> dests{kLast, std::vector<std::byte>(kBytes)};
  std::vector<Operation> busy;
  Transports members;
};

// Mutation: in Incoming::offered, blame nothing; in take_next, go on blaming.
TEST_CASE("nccl: a message that no receive was free for says so at its deadline") {
  AllBusy all;
  std::vector<std::byte> dest(kBytes);
  const Operation received = recv(*all.members[0], island(all.kLast), tag(9), dest, 0.3);
  const Operation sent = send(*all.members[all.kLast], island(0), tag(9), pattern(kBytes), 5);
  const Status status = received.wait();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.message().find("all 3 receives of this device") != std::string::npos);
  all.go_on();
  CHECK(sent.wait().message().find("the receiver has given up") != std::string::npos);
  CHECK(all.warnings == 0);
  all.links->stall(LinkEnd::kSender, true);
  const Operation granted = recv(*all.members[0], island(1), tag(10), dest, 0.3);
  const Operation offered = send(*all.members[1], island(0), tag(10), pattern(kBytes), 5);
  CHECK(granted.wait().message().find("receives") == std::string::npos);
  all.links->stall(LinkEnd::kSender, false);
  (void)offered.wait();
}

// Mutation: in NcclTransport::send, cancel the answer after `patience`; in transfer, send the
// payload of a message that was given up (there is none: a link of other lengths); in
// Incoming::receive, end with check_dest's status.
TEST_CASE("nccl: a message that is withdrawn while it waits for a grant leaves the link whole") {
  AllBusy all;
  std::vector<std::byte> dest(kBytes);
  auto payload = std::make_shared<const ByteBuffer>(pattern(kBytes));
  const std::weak_ptr<const ByteBuffer> watched = payload;
  const Operation received = recv(*all.members[0], island(all.kLast), tag(9), dest);
  const Operation sent = all.members[all.kLast]->send(
      island(0), tag(9), codec_id("fp32"), kBytes / 4, std::exchange(payload, nullptr), in(30));
  sent.cancel();
  CHECK(sent.wait().code() == Code::kCancelled);
  CHECK(watched.expired());
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // longer than `patience`
  all.go_on();
  const Status status = received.wait();
  INFO(status.to_string());
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.message().ends_with("the sender has given up"));
  const Operation next = recv(*all.members[0], island(all.kLast), tag(10), dest);
  CHECK(send(*all.members[all.kLast], island(0), tag(10), pattern(kBytes)).wait().ok());
  CHECK(next.wait().to_string() == "ok");
  CHECK(all.links->made() == all.kLast);
  CHECK(all.warnings == 0);
}

// Mutation: in NcclTransport::add_peer, join what was replaced, and in Incoming::run, wait for the
// slot without the stop token (either alone costs nothing here).
TEST_CASE("nccl: a peer that starts anew does not wait for the receives of others") {
  AllBusy all;
  std::vector<std::byte> dest(kBytes);
  const Operation received = recv(*all.members[0], island(all.kLast), tag(9), dest);
  const Operation sent = send(*all.members[all.kLast], island(0), tag(9), pattern(kBytes));
  const TimePoint begin = Clock::now();
  throw_if_error(all.members[0]->add_peer(island(all.kLast, 2), ""));
  CHECK(received.wait().code() == Code::kUnavailable);
  all.members.clear();
  CHECK(Clock::now() < begin + std::chrono::seconds(10));
  CHECK_FALSE(sent.wait().ok());
}

// Mutation: in Slots::enter, leave a ticket that was given up where it is; let anyone in who comes.
TEST_CASE("nccl: slots let in by turns, and pass over who has given up") {
  Slots slots(1);
  std::stop_source gives_up;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  std::optional<Slots::Hold> first(std::in_place, slots, std::stop_token());
  CHECK(first->has_place());
  CHECK_FALSE(first->is_wanted());
  for (int k = 0; k < 3; ++k) {
    threads.emplace_back([&, k] {
      const Slots::Hold hold(slots, k == 0 ? gives_up.get_token() : std::stop_token());
      if (hold.has_place()) order.push_back(k);
    });
    while (slots.waiting() != static_cast<std::size_t>(k) + 1) std::this_thread::yield();
  }
  CHECK(first->is_wanted());
  gives_up.request_stop();
  threads.front().join();
  first.reset();
  threads.clear();
  CHECK(order == std::vector<int>{1, 2});
}

// Mutation: in Incoming::begin_generation, do not listen_for_broken: the message then takes its
// deadline, 100 s.
TEST_CASE("nccl: a peer that closes, or whose connection goes, fails what is on its link at once") {
  const std::string control = GENERATE(as<std::string>(), "in_process", "grpc");
  Pair pair(5, control);
  CHECK(pair.exchange(0).first.to_string() == "ok");
  pair.links->stall(LinkEnd::kSender, true);
  std::vector<std::byte> dest(kBytes);
  const Operation received = recv(*pair.members[1], island(0), tag(1), dest, 100);
  const Operation sent = send(*pair.members[0], island(1), tag(1), pattern(kBytes), 100);
  for (const TimePoint end = in(20); pair.links->under_way() == 0;) {
    REQUIRE(Clock::now() < end);
    std::this_thread::yield();
  }
  pair.members[0].reset();
  CHECK(sent.wait().code() == Code::kUnavailable);
  const Status status = received.wait();
  INFO(status.to_string());
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK(status.message().find("18446744073709551615") == std::string::npos);
}

// Mutation: in NcclTransport::abort_before, leave rendezvous out.
TEST_CASE("nccl: a newer attempt and a lost peer also fail what is on the link") {
  const bool lost = GENERATE(true, false);
  Pair pair;
  CHECK(pair.exchange(0).first.to_string() == "ok");
  pair.links->stall(LinkEnd::kSender, true);
  std::vector<std::byte> dest(kBytes);
  const Operation received = recv(*pair.members[1], island(0), tag(0, 7, 1), dest);
  const Operation sent = send(*pair.members[0], island(1), tag(0, 7, 1), pattern(kBytes), 2);
  for (const TimePoint end = in(20); pair.links->under_way() == 0;) {
    REQUIRE(Clock::now() < end);
    std::this_thread::yield();
  }
  if (lost)
    pair.members[1]->peer_lost(island(0), {Code::kUnavailable, "no heartbeat for 5 s"});
  else
    pair.members[1]->abort_before({0, 7}, {1, 2});
  const Status status = received.wait();
  CHECK(status.code() == (lost ? Code::kUnavailable : Code::kAborted));
  if (lost) CHECK(status.message().find("no heartbeat for 5 s") != std::string::npos);
  pair.links->stall(LinkEnd::kSender, false);
  (void)sent.wait();
}

// Mutation: in answer_tag, leave the attempt as it is.
TEST_CASE("nccl: a newer attempt leaves other rounds' messages and the link alone") {
  Pair pair(0.5);
  CHECK(pair.exchange(0).first.to_string() == "ok");
  pair.links->stall(LinkEnd::kSender, true);
  constexpr std::uint32_t kCount = 10;  // more than are granted ahead
  std::vector<std::vector<std::byte>> dests(kCount, std::vector<std::byte>(kBytes));
  std::vector<Operation> received, sent;
  for (std::uint32_t k = 0; k < kCount; ++k) {  // rounds 7 and 8 by turns
    received.push_back(recv(*pair.members[1], island(0), tag(k, 7 + k % 2), dests[k]));
    sent.push_back(send(*pair.members[0], island(1), tag(k, 7 + k % 2), pattern(kBytes, k)));
  }
  pair.members[0]->abort_before({0, 7}, {1, 2});
  pair.links->stall(LinkEnd::kSender, false);
  for (std::uint32_t k = 0; k < kCount; ++k) {
    const Status status = received[k].wait();
    INFO(k << ": " << status.to_string() << ", " << sent[k].wait().to_string());
    CHECK((k % 2 == 0 || (status.ok() && sent[k].wait().ok())));
    CHECK((k % 2 == 1 || sent[k].wait().code() == Code::kAborted));
    if (status.ok()) CHECK((dests[k] == pattern(kBytes, k)));
  }
  CHECK(pair.exchange(20).first.to_string() == "ok");
  CHECK(pair.links->made() == 1);
  CHECK(pair.warnings == 0);
}

// Mutation: as above.
TEST_CASE("nccl: a newer attempt at the receiver takes back no grant") {
  InProcessNetwork network;
  auto peer = network.transport(island(0));
  NcclTransport receiver(network.transport(island(1)), std::make_shared<MemoryLinks>());
  throw_if_error(peer->add_peer(island(1), ""));
  throw_if_error(receiver.add_peer(island(0), ""));
  std::vector<std::byte> dest(8);
  const Operation received = recv(receiver, island(0), tag(0, 7), dest);
  const FrameBytes offer = write_frame(codec_id("fp32"), 2, pattern(8));
  CHECK(send(*peer, island(1), tag(0, 7), offer).wait().to_string() == "ok");
  receiver.abort_before({0, 7}, {1, 2});
  CHECK(received.wait().code() == Code::kAborted);
  ByteBuffer answer(kAnswerBytes);
  CHECK(recv(*peer, island(1), answer_tag(tag(0, 7)), answer, 2).wait().to_string() == "ok");
}

// Mutation: in Clerk::run, after the wait for anything, go on without looking at due_ again.
TEST_CASE("nccl: what the clerk is given after it was idle is cancelled in time") {
  Clerk clerk;
  const auto cancelled = [&] {
    const auto state = std::make_shared<Operation::State>(in(3600), "waiting");
    const auto ended = std::make_shared<std::promise<void>>();
    state->on_end([ended](const Status&) { ended->set_value(); });
    clerk.cancel_at(Operation(state), in(0.05));
    return ended->get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  };
  for (int k = 0; k < 3; ++k) {
    std::promise<void> ran;
    clerk.post([&] { ran.set_value(); });
    ran.get_future().wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it is idle
    REQUIRE(cancelled());
  }
}

// A member whose messages' grants and whose messages a test makes itself.
struct ByHand {
  explicit ByHand(MemberId self, MemberId transports, double patience = 5)
      : peer(network.transport(self)), links(std::make_shared<MemoryLinks>()) {
    NcclOptions options{.patience = in(patience)-Clock::now()};
    options.warn = [this](const std::string&) { ++warnings; };
    transport = std::make_unique<NcclTransport>(network.transport(transports), links, options);
    throw_if_error(peer->add_peer(transports, ""));
    throw_if_error(transport->add_peer(self, ""));
  }

  // A message of the transport's, granted so.
  Operation sent(std::uint32_t number, std::uint64_t generation, std::uint64_t place) {
    const MemberId to = peer->self(), from = transport->self();
    const Operation operation = send(*transport, to, tag(number), pattern(8), 10);
    FrameBytes offer;
    CHECK(recv(*peer, from, tag(number), offer).wait().to_string() == "ok");
    const SharedBytes answer = pack(Answer{Status(), generation, place, {}});
    CHECK(send(*peer, from, answer_tag(tag(number)), answer.bytes).wait().to_string() == "ok");
    return operation;
  }
  void offer(std::uint32_t number, std::size_t bytes = 8) {
    const FrameBytes frame = write_frame(codec_id("fp32"), bytes / 4, pattern(bytes, number));
    CHECK(send(*peer, transport->self(), tag(number), frame).wait().to_string() == "ok");
  }
  Result<Answer> answer(std::uint32_t number, double seconds) {
    ByteBuffer bytes(kAnswerBytes);
    const Status status =
        recv(*peer, transport->self(), answer_tag(tag(number)), bytes, seconds).wait();
    if (!status.ok()) return status;
    return unpack_answer(bytes);
  }

  InProcessNetwork network;
  std::unique_ptr<Transport> peer;
  std::shared_ptr<MemoryLinks> links;
  std::atomic<int> warnings = 0;
  std::unique_ptr<NcclTransport> transport;
};

// Mutation: in Outgoing::check_place, let an older generation pass, or a place that is taken, or
// any gap, or generation 0; in begin_generation, keep the queue.
TEST_CASE("nccl: grants of an older link or of a place that cannot be are refused") {
  ByHand hand(island(1), island(0));
  const auto refused = [](const Operation& operation, Code code, const std::string& words) {
    REQUIRE(operation.done());
    const Status status = operation.wait();
    INFO(status.to_string());
    CHECK(status.code() == code);
    CHECK(status.message().find("island 1 (incarnation 1)") != std::string::npos);
    CHECK(status.message().find(words) != std::string::npos);
  };
  refused(hand.sent(0, 0, 0), Code::kCorruption, "generation 0");
  const Operation first = hand.sent(1, 2, 3);  // waits for the places before it
  refused(hand.sent(2, 1, 0), Code::kUnavailable, "for a new one");
  refused(hand.sent(3, 2, 3), Code::kCorruption, "the place 3 twice");
  refused(hand.sent(4, 2, 4), Code::kCorruption, "the place 4 while 0 is next");
  refused(hand.sent(5, 2, ~std::uint64_t{0}), Code::kCorruption, "while 0 is next");
  CHECK_FALSE(first.done());
  const Operation newer = hand.sent(6, 3, 3);
  refused(first, Code::kUnavailable, "for a new one");
  CHECK_FALSE(newer.done());
  hand.transport.reset();
  CHECK(newer.wait().message().ends_with("has closed its transport"));
}

// Mutation: in Outgoing::granted, do not listen: the message then takes its deadline, 10 s.
TEST_CASE("nccl: a sender hears that its link is given up before it has the first grant") {
  ByHand hand(island(1), island(0));
  const Operation second = hand.sent(0, 1, 1);
  CHECK_FALSE(second.done());
  const Tag notice = notice_tag(LinkEnd::kReceiver, 1);
  CHECK(send(*hand.peer, island(0), notice, pattern(kNoticeBytes)).wait().to_string() == "ok");
  REQUIRE(second.done());
  CHECK(second.wait().message().find("given the link up") != std::string::npos);
}

// Mutation: in Incoming::grant, do not refuse.
TEST_CASE("nccl: a sender is told when its receiver cannot make a link") {
  ByHand hand(island(0), island(1));
  hand.links->fail_ids(2);
  std::vector<std::byte> dests[3] = {pattern(8), pattern(8), pattern(8)};
  for (std::uint32_t k = 0; k < 3; ++k) {
    const Operation received = recv(*hand.transport, island(0), tag(k), dests[k]);
    hand.offer(k);
    const Result<Answer> answer = hand.answer(k, 2);
    REQUIRE(answer.ok());
    CHECK(answer->refused.ok() == (k == 2));
    if (k == 2) continue;
    CHECK(answer->refused.message() == "the id was made to fail");
    CHECK(received.wait().message().find("the id was made to fail") != std::string::npos);
  }
  CHECK(hand.warnings == 2);
}

// Mutation: in Incoming::take_turn, grant when all that was granted is here.
TEST_CASE("nccl: the next grant is on its way while the link is busy") {
  ByHand hand(island(0), island(1));
  constexpr std::uint32_t kCount = kGrantedAhead + 2;
  std::vector<std::vector<std::byte>> dests(kCount, std::vector<std::byte>(8));
  std::vector<Operation> received;
  for (std::uint32_t k = 0; k < kCount; ++k) {
    received.push_back(recv(*hand.transport, island(0), tag(k), dests[k]));
    hand.offer(k);
  }
  // How many it grants before the first is here follows from when its thread looks.
  std::vector<Answer> answers = {hand.answer(0, 5).value_or_throw()};
  const auto link =
      hand.links->connect(answers[0].id, LinkEnd::kSender, in(5), {}).value_or_throw();
  for (std::uint32_t k = 0; k < kCount; ++k) {
    CHECK(answers[k].place == k);
    CHECK(answers[k].generation == 1);
    throw_if_error(link->send(pattern(8, k), in(5), {}));
    CHECK(received[k].wait().to_string() == "ok");
    CHECK((dests[k] == pattern(8, k)));
    const std::size_t granted = std::min<std::size_t>(kCount, k + 1 + kGrantedAhead);
    while (answers.size() < granted)
      answers.push_back(
          hand.answer(static_cast<std::uint32_t>(answers.size()), 5).value_or_throw());
    if (k == 0) CHECK_FALSE(hand.answer(kGrantedAhead + 1, 0.05).ok());
  }
}

// Mutation: in bytes_on_link, return payload_bytes.
TEST_CASE("nccl: a receiver of empty messages does not run ahead of their sender") {
  ByHand hand(island(0), island(1));
  std::vector<Operation> received;
  for (std::uint32_t k = 0; k <= kGrantedAhead; ++k) {
    received.push_back(recv(*hand.transport, island(0), tag(k), {}));
    hand.offer(k, 0);
  }
  const LinkId id = hand.answer(0, 5).value_or_throw().id;
  const auto link = hand.links->connect(id, LinkEnd::kSender, in(5), {}).value_or_throw();
  CHECK_FALSE(hand.answer(kGrantedAhead, 0.3).ok());
  CHECK_FALSE(received[0].done());
  throw_if_error(link->send(pattern(1), in(5), {}));
  CHECK(received[0].wait().to_string() == "ok");
  CHECK(hand.answer(kGrantedAhead, 5).ok());
}

// Mutation: in is_free, take the first quarter alone.
TEST_CASE("nccl: answers and notices have tags that messages cannot have") {
  for (const std::uint32_t hop : {0U, 7U, (1U << 30) - 1, 0U - (1U << 30), 0xffffffffU}) {
    Tag message = tag(3);
    message.hop = hop;
    CHECK(is_free(message));
    CHECK_FALSE(is_free(answer_tag(message)));
    CHECK(answer_tag(message) != message);
  }
  CHECK_FALSE(is_free(notice_tag(LinkEnd::kSender, 1)));
  Pair pair;
  Tag taken = tag(0);
  taken.hop = 1U << 30;
  std::vector<std::byte> dest(4);
  CHECK(recv(*pair.members[1], island(0), taken, dest).wait().code() == Code::kInternal);
  CHECK(send(*pair.members[0], island(1), taken, dest).wait().code() == Code::kInternal);
}

// Mutation: in unpack_answer, take any code as it is; the length as it is (ASan).
TEST_CASE("nccl: an answer survives the way, and any bytes are one") {
  LinkId id;
  id.fill(std::byte{7});
  const Answer granted = unpack_answer(pack(Answer{Status(), 5, 9, id}).bytes);
  CHECK(granted.refused.ok());
  CHECK(granted.generation == 5);
  CHECK(granted.place == 9);
  CHECK((granted.id == id));
  const std::string text(1000, 'x');
  const Answer refused = unpack_answer(pack(Answer{{Code::kCorruption, text}, 0, 0, {}}).bytes);
  CHECK(refused.refused.code() == Code::kCorruption);
  CHECK(text.starts_with(refused.refused.message()));
  CHECK(refused.refused.message().size() > 200);
  const std::vector<std::byte> hostile(kAnswerBytes, std::byte{0xff});
  const Answer odd = unpack_answer(hostile);
  CHECK(odd.refused.code() == Code::kInternal);
  CHECK(odd.refused.message().size() < kAnswerBytes);
}

// Mutation: in no_nccl.cpp, return Internal.
TEST_CASE("nccl: a build or a machine without it says so, and how to go on") {
  const Status status = check_nccl();
  if (status.ok()) return;  // a machine that has it
  CHECK(status.code() == Code::kNotFound);
  CHECK(status.message().find("comm.transport: grpc") != std::string::npos);
  CHECK(make_nccl_links().status().message() == status.message());
}

}  // namespace outrigger::nccl_test
