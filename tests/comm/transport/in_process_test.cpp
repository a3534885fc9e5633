#include <outrigger/comm/codec/frame.h>

#include "members.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: in Message::copy, return Ok instead of check_dest's status.
TEST_CASE("bytes altered between threads are found") {
  const bool in_frame = GENERATE(true, false);
  const auto alter = [](std::span<std::byte> bytes) { bytes[20] ^= std::byte{4}; };
  InProcessNetwork network = in_frame ? InProcessNetwork(alter) : InProcessNetwork({}, alter);
  const auto members = make_members(network, 2);
  std::vector<std::byte> dest(4096);
  const Operation received = recv(*members[1], island(0), tag(0), dest);
  const Status sent = send(*members[0], island(1), tag(0), pattern(4096)).wait();
  const Status status = received.wait();
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("island 0") != std::string::npos);
  CHECK(sent.code() == Code::kCorruption);
}

// Mutations: in State::wait, go by the steady clock; in Message::answer, end the send at once; in
// InProcessTransport::send, bring a message whose send has ended.
TEST_CASE(
    "in virtual time a message takes its way, its answer too, and a deadline passes at once") {
  VirtualTime time;
  const auto held = time.thread();
  constexpr auto kSecond = std::chrono::seconds(1);
  InProcessNetwork network(time, [](MemberId from, MemberId) {
    return from == island(0) ? InProcessNetwork::Link{kSecond, 1000} : InProcessNetwork::Link{};
  });
  const auto members = make_members(network, 2);
  std::vector<std::byte> dest(4000 - kFrameHeaderBytes);
  const auto payload = std::make_shared<const ByteBuffer>(pattern(dest.size()));
  const std::uint32_t fp32 = codec_id("fp32");
  const auto sent = [&](std::uint32_t from, std::uint32_t shard, TimePoint deadline) {
    return members[from]->send(island(1 - from), tag(shard), fp32, dest.size() / 4, payload,
                               deadline);
  };
  const auto received = [&](std::uint32_t from, std::uint32_t shard, TimePoint deadline) {
    return members[1 - from]->recv(island(from), tag(shard), {fp32, dest.size() / 4}, dest,
                                   deadline);
  };
  const TimePoint start = time.now(), hour = start + std::chrono::hours(1);

  const Operation there = sent(0, 0, hour), back = sent(1, 1, hour);
  CHECK(received(1, 1, hour).wait().ok());
  CHECK(time.now() == start);
  CHECK(back.wait().ok());
  CHECK(time.now() == start + kSecond);  // no way there, a second for the answer
  CHECK(received(0, 0, hour).wait().ok());
  CHECK(time.now() == start + 5 * kSecond);  // 4000 bytes, and the latency
  CHECK((dest == *payload));
  CHECK(there.wait().ok());
  CHECK(time.now() == start + 5 * kSecond);

  const Operation early = sent(0, 2, start + 7 * kSecond);
  CHECK(early.wait().code() == Code::kDeadlineExceeded);
  CHECK(time.now() == start + 7 * kSecond);
  CHECK(received(0, 2, hour).wait().code() == Code::kDeadlineExceeded);
  CHECK(time.now() == hour);
}
