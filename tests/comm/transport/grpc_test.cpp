#include <csignal>

#include <outrigger/comm/transport/grpc.h>

#include "members.h"
#include "peer_process.h"
#include "raw_send.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

std::unique_ptr<GrpcTransport> listening(MemberId self, const std::string& job = "test") {
  auto transport = GrpcTransport::listen({.job = job}).value_or_throw();
  transport->set_self(self);
  return transport;
}

// Sends island 0's envelope with this frame, and these bytes behind it, whatever they are.
Status send_raw(const std::string& address, const FrameBytes& frame,
                std::span<const std::byte> payload, const std::string& job = "test",
                std::uint32_t to = 1) {
  return RawSender(address).send({island(0), island(to), tag(0), frame, job}, payload);
}

}  // namespace

// Mutation: in RecvStream::conclude, do not call check_dest; in accept, do not end the state; in
// take_chunk, take `too_long` for false; in OnDone, do not end a recv that is too short.
TEST_CASE("an altered, short or long message is refused and the next one is taken") {
  const auto receiver = listening(island(1));
  const auto peer = listening(island(0));
  REQUIRE(receiver->add_peer(island(0), peer->address()).ok());
  const auto payload = pattern(5 << 19);
  const FrameBytes frame = write_frame(codec_id("fp32"), payload.size() / 4, payload);
  auto altered = payload, longer = payload;
  auto altered_frame = frame;
  altered[2 << 20] ^= std::byte{1};
  altered_frame[9] ^= std::byte{1};
  longer.resize(4 << 20);
  std::vector<std::byte> dest(payload.size());
  const auto attempt = [&](const FrameBytes& header, std::span<const std::byte> bytes) {
    const Operation received = recv(*receiver, island(0), tag(0), dest);
    const Status sent = send_raw(receiver->address(), header, bytes);
    const Status status = received.wait();
    CHECK(sent.ok() == status.ok());
    if (!status.ok()) CHECK(status.message().find("island 0") != std::string::npos);
    return status.code();
  };
  CHECK(attempt(frame, altered) == Code::kCorruption);
  CHECK(attempt(altered_frame, payload) == Code::kCorruption);
  CHECK(attempt(frame, longer) == Code::kCorruption);
  CHECK(attempt(frame, std::span(payload).first(2 << 20)) == Code::kCorruption);
  CHECK(attempt(frame, payload) == Code::kOk);
  CHECK((dest == payload));
}

// Mutation: in GrpcCore::check_envelope, check the job only, or the receiver only.
TEST_CASE("a message of another job, from a stranger or for somebody else is refused") {
  const auto receiver = listening(island(1));
  const FrameBytes frame = write_frame(codec_id("fp32"), 0, {});
  CHECK(send_raw(receiver->address(), frame, {}).code() == Code::kPermissionDenied);
  REQUIRE(receiver->add_peer(island(0), "127.0.0.1:1").ok());
  const Status other_job = send_raw(receiver->address(), frame, {}, "another");
  CHECK(other_job.code() == Code::kPermissionDenied);
  CHECK(other_job.message().find("'another'") != std::string::npos);
  CHECK(send_raw(receiver->address(), frame, {}, "test", 2).code() == Code::kFailedPrecondition);
}

// Mutation: in Impl::listen or Impl::add_peer, skip check_address.
TEST_CASE("nothing listens or connects off loopback without --insecure") {
  const auto refused = GrpcTransport::listen({.listen = "0.0.0.0:0"});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == Code::kInvalidArgument);
  CHECK(refused.status().message().find("--insecure") != std::string::npos);
  const auto transport = listening(island(1));
  const Status status = transport->add_peer(island(0), "192.0.2.1:80");
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(status.message().find("--insecure") != std::string::npos);
}

// Mutation: in Impl::listen, do not look at server_ and port.
TEST_CASE("a taken port is reported with the address") {
  const auto transport = listening(island(1));
  const auto second = GrpcTransport::listen({.listen = transport->address()});
  REQUIRE_FALSE(second.ok());
  CHECK(second.status().code() == Code::kResourceExhausted);
  CHECK(second.status().message().find(transport->address()) != std::string::npos);
}

// Mutation: in Impl::recv, start no watch: the recv then ends at its deadline.
TEST_CASE("a peer that does not listen fails sends and recvs at once") {
  const auto transport = listening(island(1));
  std::string address;
  { address = listening(island(0))->address(); }
  REQUIRE(transport->add_peer(island(0), address).ok());
  std::vector<std::byte> bytes(4096);
  for (const Operation& operation : {recv(*transport, island(0), tag(0), bytes, 1e6),
                                     send(*transport, island(0), tag(1), bytes, 1e6)}) {
    const Status status = operation.wait();
    CHECK(status.code() == Code::kUnavailable);
    CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
    CHECK(status.message().find("Connection refused") != std::string::npos);
  }
}

// Mutation: in Impl::look_again, do not pass the end on.
TEST_CASE("a killed process fails what is under way with it at once") {
  const auto transport = listening(island(1));
  PeerProcess peer("send", transport->address());
  REQUIRE(transport->add_peer(island(0), peer.address()).ok());
  std::vector<std::byte> dest(std::size_t{256} << 20), other(4096);
  const auto payload = pattern(8 << 20);
  const Operation half = recv(*transport, island(0), tag(0), dest, 1e6);
  const Operation not_begun = recv(*transport, island(0), tag(1), other, 1e6);
  const Operation sent = send(*transport, island(0), tag(2), payload, 1e6);
  peer.go();
  while (transport->bytes_received() < kChunkBytes || transport->bytes_sent() < kChunkBytes)
    if (half.done()) FAIL(half.wait().to_string());
  peer.signal(SIGKILL);
  for (const Operation& operation : {half, not_begun, sent}) {
    const Status status = operation.wait();
    CHECK(status.code() == Code::kUnavailable);
    CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
  }
}

// Mutation: in State::wait, wait without the deadline; in Rendezvous::close, leave out fail_if.
TEST_CASE("with a stopped process every operation ends by its deadline or with the transport") {
  auto transport = listening(island(1));
  PeerProcess peer("flood", transport->address());
  REQUIRE(transport->add_peer(island(0), peer.address()).ok());
  std::vector<std::byte> dest(std::size_t{256} << 20), small(8);
  auto payload = pattern(8 << 20);
  peer.go();
  REQUIRE(recv(*transport, island(0), tag(1), small).wait().ok());  // the big one has begun
  const Operation half = recv(*transport, island(0), tag(0), dest, 1);
  const Operation sent = send(*transport, island(0), tag(2), payload, 1);
  while (transport->bytes_received() < kChunkBytes || transport->bytes_sent() < kChunkBytes)
    if (half.done()) FAIL(half.wait().to_string());
  peer.signal(SIGSTOP);
  for (const Operation& operation : {half, sent}) {
    const Status status = operation.wait();
    CHECK(status.code() == Code::kDeadlineExceeded);
    CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
  }
  payload = {};  // nobody may touch them now: ASan would tell
  dest = {};
  const Operation unsent = send(*transport, island(0), tag(3), small, 1e6);
  const Operation unreceived = recv(*transport, island(0), tag(3), small, 1e6);
  transport.reset();
  CHECK(unsent.wait().code() == Code::kUnavailable);
  CHECK(unreceived.wait().code() == Code::kUnavailable);
}

// Mutation: start a read in RecvStream::take_envelope.
TEST_CASE("what is not received stays at its sender") {
  const auto transport = listening(island(1));
  PeerProcess peer("flood", transport->address());
  REQUIRE(transport->add_peer(island(0), peer.address()).ok());
  const std::size_t before = resident_bytes();
  peer.go();
  // The sender is stuck when what it has written has not grown over many small messages.
  std::uint64_t stuck_at = 0;
  int same = 0;
  for (std::uint32_t i = 1; same < 100; ++i) {
    std::uint64_t sent = 0;
    REQUIRE(recv(*transport, island(0), tag(i), std::as_writable_bytes(std::span(&sent, 1)))
                .wait()
                .ok());
    const std::uint64_t payload_sent = sent - (i - 1) * 8 - i * kFrameHeaderBytes;
    same = payload_sent == stuck_at ? same + 1 : 0;
    stuck_at = payload_sent;
  }
  CHECK(stuck_at > 0);
  CHECK(stuck_at < std::size_t{16} << 20);
  CHECK(resident_bytes() < before + (std::size_t{32} << 20));
}

// Mutations: in SendCall::OnWriteDone, send kChunkBytes always (the last chunk then runs over); in
// SendCall::OnDone, do not end the state.
TEST_CASE("64 MiB and some arrive") {
  const auto members = make_members("grpc", 2);
  const auto payload = pattern((std::size_t{64} << 20) + 12);
  std::vector<std::byte> dest(payload.size());
  const Operation received = recv(*members[1], island(0), tag(0), dest);
  CHECK(send(*members[0], island(1), tag(0), payload).wait().ok());
  CHECK(received.wait().ok());
  CHECK((dest == payload));
}
