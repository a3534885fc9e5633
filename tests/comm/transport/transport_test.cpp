#include <thread>

#include <outrigger/comm/transport/rendezvous.h>

#include "members.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

const std::string& any_transport() {
  static const std::vector<std::string> kinds = {"in_process", "grpc", "nccl"};
  return kinds[GENERATE(0U, 1U, 2U)];
}

}  // namespace

// Mutation: in Rendezvous::recv, do not look into parked_ (send first), or in arrive into posted_
// (recv first).
TEST_CASE("a message arrives, whichever side comes first") {
  const auto members = make_members(any_transport(), 2);
  const auto payload = pattern(GENERATE(0U, 4U, 4096U, 4000000U));
  const bool recv_first = GENERATE(true, false);
  std::vector<std::byte> dest(payload.size());
  Operation sent, received;
  if (recv_first) received = recv(*members[1], island(0), tag(0), dest);
  sent = send(*members[0], island(1), tag(0), payload);
  if (!recv_first) received = recv(*members[1], island(0), tag(0), dest);
  CHECK(received.wait().to_string() == "ok");
  CHECK(sent.wait().to_string() == "ok");
  CHECK((dest == payload));
  CHECK(members[0]->bytes_sent() == kFrameHeaderBytes + payload.size());
  CHECK(members[1]->bytes_received() == kFrameHeaderBytes + payload.size());
}

// Mutation: in Rendezvous::arrive, look the recv up by peer alone (posted_.begin()); in recv, the
// message (parked_.begin()).
TEST_CASE("many messages match by tag in any order, none in the way of another") {
  const auto members = make_members(any_transport(), 2);
  constexpr std::uint32_t kMessages = 48;
  std::vector<std::vector<std::byte>> payloads, dests;
  std::vector<Operation> operations;
  for (std::uint32_t i = 0; i < kMessages; ++i) payloads.push_back(pattern(100000, i));
  dests.resize(kMessages, std::vector<std::byte>(100000));
  // The middle one first, alone: in whichever order they come, some come before it and wait.
  constexpr std::uint32_t kMiddle = kMessages / 2;
  const Operation middle = recv(*members[1], island(0), tag(kMiddle), dests[kMiddle]);
  for (std::uint32_t i = 0; i < kMessages; ++i)
    operations.push_back(send(*members[0], island(1), tag(i), payloads[i]));
  REQUIRE(middle.wait().ok());
  REQUIRE(operations[kMiddle].wait().ok());
  CHECK_FALSE(operations.front().done());
  for (std::uint32_t i = kMessages; i-- > 0;)
    if (i != kMiddle) operations.push_back(recv(*members[1], island(0), tag(i), dests[i]));
  for (const Operation& operation : operations) REQUIRE(operation.wait().to_string() == "ok");
  CHECK((dests == payloads));
}

// Mutation: in State::wait, wait without the deadline.
TEST_CASE("an operation ends at its deadline and says whom it waited for") {
  const auto members = make_members(any_transport(), 2);
  std::vector<std::byte> bytes(4096);
  const Status received = recv(*members[1], island(0), tag(0), bytes, 0.05).wait();
  CHECK(received.code() == Code::kDeadlineExceeded);
  CHECK(received.message().find("island 0 (incarnation 1)") != std::string::npos);
  const Status sent = send(*members[0], island(1), tag(1), bytes, 0.05).wait();
  CHECK(sent.code() == Code::kDeadlineExceeded);
  CHECK(sent.message().find("island 1 (incarnation 1)") != std::string::npos);
}

// Mutation: in InProcessTransport::send, and in SendCall::begin, register no on_end.
TEST_CASE("a cancelled send is withdrawn") {
  const auto members = make_members(any_transport(), 2);
  auto payload = pattern(1 << 22);
  const auto other = pattern(4096);
  std::vector<std::byte> dest(1 << 22);
  const auto exchange = [&](const Tag& at) {
    const Operation sent = send(*members[0], island(1), at, other);
    CHECK(recv(*members[1], island(0), at, std::span(dest).first(4096)).wait().ok());
    CHECK(sent.wait().ok());
  };
  exchange(tag(100));  // they are connected
  std::vector<Operation> sent;
  for (std::uint32_t i = 0; i < 64; ++i)
    sent.push_back(send(*members[0], island(1), tag(i), payload, 60));
  for (const Operation& operation : sent) operation.cancel();
  for (const Operation& operation : sent) CHECK(operation.wait().code() == Code::kCancelled);
  payload = {};
  // Whether they had got there or not: as soon as that is known there, another finds room to wait.
  Status waited(Code::kResourceExhausted, "");
  for (const TimePoint end = in(30); waited.code() == Code::kResourceExhausted;) {
    REQUIRE(Clock::now() < end);
    waited = send(*members[0], island(1), tag(101), other, 0.2).wait();
  }
  CHECK(waited.code() == Code::kDeadlineExceeded);
  // Nothing arrives, and the transport still works.
  CHECK_FALSE(recv(*members[1], island(0), tag(0), dest, 0.2).wait().ok());
  exchange(tag(102));
}

// Mutation: in State::end, drop the hooks (the message then meets the cancelled recv).
TEST_CASE("a cancelled recv leaves its memory alone") {
  const auto members = make_members(any_transport(), 2);
  const auto payload = pattern(1 << 22);
  std::vector<std::byte> dest(1 << 22);
  const Operation received = recv(*members[1], island(0), tag(0), dest);
  received.cancel();
  CHECK(received.wait().code() == Code::kCancelled);
  const Operation sent = send(*members[0], island(1), tag(0), payload, 0.2);
  CHECK(sent.wait().code() == Code::kDeadlineExceeded);
  CHECK((dest == std::vector<std::byte>(1 << 22)));
}

// Mutation: in Rendezvous::peer_lost, leave out gate_.lose (later ones) or fail_if (pending ones).
TEST_CASE("a lost peer fails what is pending and what comes later, with the reason") {
  const auto members = make_members(any_transport(), 3);
  std::vector<std::byte> bytes(4096), other(4096);
  const Operation pending_recv = recv(*members[0], island(1), tag(0), bytes);
  const Operation pending_send = send(*members[0], island(1), tag(1), bytes);
  const Operation unharmed = recv(*members[0], island(2), tag(0), other);
  members[0]->peer_lost(island(1), {Code::kUnavailable, "no heartbeat for 5 s"});
  const Operation later = recv(*members[0], island(1), tag(2), bytes);
  for (const Operation& operation : {pending_recv, pending_send, later}) {
    const Status status = operation.wait();
    CHECK(status.code() == Code::kUnavailable);
    CHECK(status.message().find("no heartbeat for 5 s") != std::string::npos);
    CHECK(status.message().find("island 1") != std::string::npos);
  }
  CHECK(send(*members[2], island(0), tag(0), pattern(4096)).wait().ok());
  CHECK(unharmed.wait().ok());
}

// Mutation: in Rendezvous::abort_before, leave out fail_if (pending) or gate_.abort_before (later).
TEST_CASE("a newer attempt fails the older ones of its round only") {
  const auto members = make_members(any_transport(), 2);
  std::vector<std::byte> bytes(4096), kept(4096), other(4096);
  const auto payload = pattern(4096);
  const Operation old = recv(*members[1], island(0), tag(0, 7, 1), bytes);
  const Operation current = recv(*members[1], island(0), tag(0, 7, 2), kept);
  const Operation other_round = recv(*members[1], island(0), tag(0, 8, 1), other);
  members[1]->abort_before({0, 7}, {1, 2});
  CHECK(old.wait().code() == Code::kAborted);
  CHECK(recv(*members[1], island(0), tag(1, 7, 1), bytes).wait().code() == Code::kAborted);
  const Status late = send(*members[0], island(1), tag(0, 7, 1), payload).wait();
  CHECK(late.code() == Code::kAborted);
  CHECK(send(*members[0], island(1), tag(0, 7, 2), payload).wait().ok());
  CHECK(send(*members[0], island(1), tag(0, 8, 1), payload).wait().ok());
  CHECK(current.wait().ok());
  CHECK(other_round.wait().ok());
}

// Mutation: in check_header, leave out check_frame, or the comparison with dest.size().
TEST_CASE("a message that is not what the close said is refused on both sides") {
  const auto members = make_members(any_transport(), 2);
  const auto payload = pattern(4096);
  const std::uint32_t fp32 = codec_id("fp32");
  const auto [expected, bytes] = GENERATE_COPY(
      std::pair(Expected{0xff, 1024}, 4096U), std::pair(Expected{codec_id("bf16"), 2048}, 4096U),
      std::pair(Expected{fp32, 1023}, 4096U), std::pair(Expected{fp32, 1024}, 4092U),
      std::pair(Expected{fp32, 1024}, 4100U));
  std::vector<std::byte> dest(bytes), after(4096);
  const Operation received = members[1]->recv(island(0), tag(0), expected, dest, in(30));
  const Operation sent = send(*members[0], island(1), tag(0), payload);
  const Status status = received.wait();
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK(sent.wait().code() == Code::kCorruption);
  CHECK((dest == std::vector<std::byte>(dest.size())));
  const Operation next = recv(*members[1], island(0), tag(1), after);
  CHECK(send(*members[0], island(1), tag(1), payload).wait().ok());
  CHECK(next.wait().ok());
}

// Mutation: in Rendezvous::check_arrival, skip gate_.check_peer.
TEST_CASE("strangers and earlier lives of a peer are refused") {
  const std::string& kind = any_transport();
  const auto members = make_members(kind, 2);
  const auto payload = pattern(4096);
  std::vector<std::byte> dest(4096);
  const Operation pending = recv(*members[1], island(0), tag(0), dest);
  REQUIRE(members[1]->add_peer(island(0, 2), "127.0.0.1:1").ok());
  const Status lost = pending.wait();
  CHECK(lost.code() == Code::kUnavailable);
  CHECK(lost.message().find("incarnation 2") != std::string::npos);
  const Status old = send(*members[0], island(1), tag(0), payload).wait();
  CHECK(old.code() == Code::kFailedPrecondition);
  CHECK(old.message().find("incarnation 2") != std::string::npos);
  CHECK(members[1]->add_peer(island(0, 1), members[0]->address()).code() ==
        Code::kFailedPrecondition);
  CHECK(recv(*members[1], island(0, 1), tag(1), dest).wait().code() == Code::kFailedPrecondition);
  CHECK(send(*members[1], island(9), tag(1), payload).wait().code() == Code::kNotFound);
}

// Mutation: in Rendezvous::close, leave out fail_if (in one process); in WatchStream::OnCancel, do
// not finish (gRPC; the destructor hangs).
TEST_CASE("destroying a transport fails its operations and those that others have with it") {
  auto members = make_members(any_transport(), 2);
  std::vector<std::byte> mine(4096), theirs(4096);
  const auto payload = pattern(1 << 22);
  const Operation own_recv = recv(*members[1], island(0), tag(0), mine);
  const Operation own_send = send(*members[1], island(0), tag(1), payload);
  const Operation their_recv = recv(*members[0], island(1), tag(2), theirs);
  const Operation their_send = send(*members[0], island(1), tag(3), payload);
  members[1].reset();
  for (const Operation& operation : {own_recv, own_send, their_recv, their_send}) {
    const Status status = operation.wait();
    CHECK(status.code() == Code::kUnavailable);
    INFO(status.to_string());
    CHECK(status.message().find("island ") != std::string::npos);
  }
  CHECK(send(*members[0], island(1), tag(4), payload).wait().code() == Code::kUnavailable);
}

// Mutation: in Rendezvous::check_arrival, return Ok instead of ResourceExhausted.
TEST_CASE("only so many messages of one peer may wait for their recv") {
  const auto members = make_members(any_transport(), 2);
  const auto payload = pattern(4096);
  std::vector<Operation> sent;
  for (std::uint32_t i = 0; i <= Rendezvous::kMaxParked; ++i)
    sent.push_back(send(*members[0], island(1), tag(i), payload, 10));
  std::size_t refused = 0;
  while (refused == 0)
    for (const Operation& operation : sent) refused += operation.done();
  CHECK(refused == 1);
  for (const Operation& operation : sent)
    if (operation.done()) CHECK(operation.wait().code() == Code::kResourceExhausted);
}

// Mutation: in Message::copy, RecvStream or SendCall, leave a counter out; or take the locks of two
// operations in another order (TSan).
TEST_CASE("threads may share a transport") {
  const auto members = make_members(any_transport(), 2);
  std::vector<std::jthread> threads;
  std::vector<Status> results(8);
  for (std::uint32_t t = 0; t < 4; ++t)
    for (const std::uint32_t me : {0U, 1U})
      threads.emplace_back([&, t, me] {
        for (std::uint32_t i = 0; i < 20 && results[2 * t + me].ok(); ++i) {
          const auto payload = pattern(40000, i);
          std::vector<std::byte> dest(40000);
          const Tag at = tag(t, i);
          const Operation received = recv(*members[me], island(1 - me), at, dest);
          const Operation sent = send(*members[me], island(1 - me), at, payload);
          results[2 * t + me] = received.wait();
          if (!sent.wait().ok() || dest != payload)
            results[2 * t + me] = {Code::kInternal, "not what was sent"};
        }
      });
  threads.clear();
  for (const Status& status : results) CHECK(status.to_string() == "ok");
  for (const auto& member : members) {
    CHECK(member->bytes_sent() == 80 * (40000 + kFrameHeaderBytes));
    CHECK(member->bytes_received() == 80 * (40000 + kFrameHeaderBytes));
  }
}
