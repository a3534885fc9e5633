#include <outrigger/comm/transport/grpc.h>

#include "members.h"
#include "raw_send.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::hostile_test {

constexpr std::size_t kMiB = std::size_t{1} << 20;
// Of two peers and of strangers, and as much for what gRPC takes before it notices: 170 to 290 MiB
// are seen, and 600 without a quota.
constexpr std::size_t kMostUnread = 2 * (2 + 1) * kUnreadBytesOfPeer;

// Island 1 listens; island 0 is hostile, island 2 is not.
struct Attacked {
  std::unique_ptr<GrpcTransport> receiver = listening(1), honest = listening(2),
                                 self = listening(0);
  RawSender attacker{receiver->address()};
  std::vector<std::byte> dest = std::vector<std::byte>(2 * kMiB);

  Attacked() {
    throw_if_error(receiver->add_peer(island(0), self->address()));
    throw_if_error(receiver->add_peer(island(2), honest->address()));
    throw_if_error(honest->add_peer(island(1), receiver->address()));
    unharmed(1000);  // everything that is allocated once, is
  }

  static std::unique_ptr<GrpcTransport> listening(std::uint32_t index) {
    auto transport = GrpcTransport::listen({.job = "test"}).value_or_throw();
    transport->set_self(island(index));
    return transport;
  }

  // Another member's message still comes.
  void unharmed(std::uint32_t number) {
    const auto payload = pattern(3 * kMiB, number);
    std::vector<std::byte> other(payload.size());
    const Operation received = recv(*receiver, island(2), tag(number), other);
    REQUIRE(send(*honest, island(1), tag(number), payload).wait().to_string() == "ok");
    REQUIRE(received.wait().to_string() == "ok");
    CHECK((other == payload));
  }
};

// Mutation: in GrpcTransport::Impl::listen, set no resource quota.
TEST_CASE("what nobody reads takes a bounded memory, and others' messages pass beside it") {
  Attacked attacked;
  const std::size_t before = resident_bytes();
  std::vector<Operation> sends;
  for (std::uint32_t i = 0; i < Rendezvous::kMaxParked; ++i)
    sends.push_back(
        attacked.attacker.start(envelope_of(tag(i), zeros(2 * kMiB).bytes), zeros(1024 * kMiB)));
  std::size_t most = 0;
  for (std::uint32_t number = 1; number <= 40; ++number) {
    attacked.unharmed(number);
    most = std::max(most, resident_bytes());
  }
  CHECK(most < before + kMostUnread);
  for (const Operation& operation : sends) operation.cancel();
}

// Mutation: in Rendezvous's corrupt(), name no peer. The size is compared three times over: by the
// elements, by the bytes and as the bytes come.
TEST_CASE("a header that announces gigabytes costs nothing and names its sender") {
  Attacked attacked;
  const std::size_t before = resident_bytes();
  const SharedBytes payload = zeros(3 * 1024 * kMiB);
  Envelope envelope = envelope_of(tag(0), {});
  envelope.frame = write_frame(codec_id("fp32"), payload.bytes.size() / 4, payload.bytes);
  const Operation received = recv(*attacked.receiver, island(0), tag(0), attacked.dest);
  const Operation sent = attacked.attacker.start(envelope, payload);
  const Status status = received.wait();
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("island 0 (incarnation 1)") != std::string::npos);
  CHECK(sent.wait().code() == Code::kCorruption);
  attacked.unharmed(1);
  CHECK(resident_bytes() < before + 64 * kMiB);
}

// Mutation: in RecvStream::take_chunk, take `too_long` for false and copy what fits.
TEST_CASE("a stream without end is cut off where its message should end") {
  Attacked attacked;
  const std::size_t before = resident_bytes();
  const Envelope envelope = envelope_of(tag(0), zeros(2 * kMiB).bytes);
  const Operation received = recv(*attacked.receiver, island(0), tag(0), attacked.dest);
  const Operation sent = attacked.attacker.start(envelope, zeros(4 * 1024 * kMiB));
  const Status status = received.wait();
  // Whole, or refused for what came behind it: nothing behind it is taken either way.
  if (!status.ok()) CHECK(status.message().find("island 0") != std::string::npos);
  (void)sent.wait();
  CHECK(attacked.receiver->bytes_received() < 16 * kMiB);
  attacked.unharmed(1);
  CHECK(resident_bytes() < before + 64 * kMiB);
}

// Mutation: in Rendezvous::check_arrival, let any number wait.
TEST_CASE("messages that nobody asked for wait, a bounded number of them, with their sender") {
  Attacked attacked;
  const std::size_t before = resident_bytes();
  std::vector<Operation> sends;
  for (std::uint32_t i = 0; i < 3 * Rendezvous::kMaxParked; ++i)
    sends.push_back(
        attacked.attacker.start(envelope_of(tag(i), zeros(2 * kMiB).bytes), zeros(1024 * kMiB), 5));
  std::size_t refused = 0;
  for (const Operation& operation : sends) {
    const Status status = operation.wait();
    CHECK_FALSE(status.ok());
    refused += status.code() == Code::kResourceExhausted;
  }
  CHECK(refused == 2 * Rendezvous::kMaxParked);
  attacked.unharmed(1);
  CHECK(resident_bytes() < before + kMostUnread);
  // What is asked for is taken from the same peer as before.
  const auto wanted = pattern(2 * kMiB);
  const Operation received = recv(*attacked.receiver, island(0), tag(5000), attacked.dest);
  CHECK(attacked.attacker.send(envelope_of(tag(5000), wanted), wanted).to_string() == "ok");
  CHECK(received.wait().to_string() == "ok");
  CHECK((attacked.dest == wanted));
}

// Mutation: in Rendezvous::arrive, accept another one over the recv that is being filled (leave it
// in posted_).
TEST_CASE("messages that come twice or in another order do no harm") {
  Attacked attacked;
  constexpr std::uint32_t kMessages = 16;
  std::vector<std::vector<std::byte>> payloads;
  std::vector<std::vector<std::byte>> dests(kMessages, std::vector<std::byte>(kMiB));
  std::vector<Operation> received;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    payloads.push_back(pattern(kMiB, i));
    received.push_back(recv(*attacked.receiver, island(0), tag(i), dests[i]));
  }
  std::vector<Operation> copies;
  for (std::uint32_t k = 0; k < 3 * kMessages; ++k) {
    const std::uint32_t i = (k * 7 + 3) % kMessages;
    const auto payload = std::make_shared<const ByteBuffer>(payloads[i]);
    Envelope envelope = envelope_of(tag(i), *payload);
    envelope.sending = k / kMessages;
    copies.push_back(attacked.attacker.start(envelope, payload));
  }
  for (const Operation& operation : received) CHECK(operation.wait().to_string() == "ok");
  CHECK((dests == payloads));
  for (const Operation& operation : copies) {
    const Status status = operation.wait();
    CHECK((status.ok() || status.code() == Code::kAborted));
  }
  // Of two that differ, one is taken and no byte of the other.
  const auto one = std::make_shared<const ByteBuffer>(pattern(16 * kMiB, 1));
  const auto other = std::make_shared<const ByteBuffer>(pattern(16 * kMiB, 2));
  std::vector<std::byte> dest(one->size());
  const Operation either = recv(*attacked.receiver, island(0), tag(100), dest);
  const Operation sent[] = {attacked.attacker.start(envelope_of(tag(100), *one), one),
                            attacked.attacker.start(envelope_of(tag(100), *other), other)};
  CHECK(either.wait().to_string() == "ok");
  CHECK((dest == *one || dest == *other));
  for (const Operation& operation : sent) operation.cancel();
  attacked.unharmed(1);
}

}  // namespace outrigger::hostile_test
