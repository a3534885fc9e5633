#include <future>
#include <random>

#include <outrigger/comm/transport/grpc.h>

#include "members.h"
#include "raw_send.h"
#include "support/catch.h"
#include "tcp_proxy.h"
#include "throwing_out.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::grpc_resume_test {

std::unique_ptr<GrpcTransport> listening(MemberId self, std::uint32_t channels = 4,
                                         const std::string& address = "127.0.0.1:0") {
  auto transport = GrpcTransport::listen({.listen = address, .job = "test", .channels = channels});
  if (!transport.ok()) FAIL(transport.status().to_string());
  (*transport)->set_self(self);
  return std::move(*transport);
}

// Island 0 sends to island 1 through a proxy; island 1 reaches island 0 without one.
struct Pair {
  std::unique_ptr<GrpcTransport> sender, receiver = listening(island(1));
  TcpProxy proxy{receiver->address()};

  explicit Pair(std::uint32_t channels = 4) : sender(listening(island(0), channels)) {
    throw_if_error(sender->add_peer(island(1), proxy.address()));
    throw_if_error(receiver->add_peer(island(0), sender->address()));
  }
};

std::shared_ptr<GrpcCore> core_of(MemberId self, MemberId peer) {
  const auto core = std::make_shared<GrpcCore>();
  core->job = "test";
  core->set_self(self);
  throw_if_error(core->rendezvous->add_peer(peer));
  return core;
}

// A member with a recv of this payload's size from island 0, and the server before it.
struct Receiving {
  std::vector<std::byte> dest;
  std::shared_ptr<GrpcCore> core = core_of(island(1), island(0));
  Operation received;

  explicit Receiving(std::size_t bytes) : dest(bytes) {
    const auto state = std::make_shared<Operation::State>(in(30), "receiving");
    received =
        core->rendezvous->recv({island(0), tag(0), {codec_id("fp32"), bytes / 4}, dest, state});
  }
  ~Receiving() { core->rendezvous->close({Code::kUnavailable, "closed"}); }
};

// Until it has thrown out so many.
void wait_for(const ThrowingOut& server, const std::string& method, std::size_t calls) {
  const TimePoint end = in(30);
  while (server.thrown(method).size() < calls && Clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(server.thrown(method).size() >= calls);
}

// A test that waits for so long hangs.
constexpr auto kNever = std::chrono::hours(100);
constexpr std::size_t kAlways = 1 << 20;

// Mutations: in SendCall::OnDone, do not pause (it fails), or take a call that was thrown out for
// one that broke. In Resending::pause_after, always return the first pause.
TEST_CASE("a message that the receiver's gRPC has no memory for is sent again, later each time") {
  const auto payload = pattern(1000);
  Receiving receiver(payload.size());
  ThrowingOut server(receiver.core);
  server.throw_out(kSendMethod, 4);
  const Resending resending{.first_pause = std::chrono::milliseconds(40)};
  {
    RawSender sender(server.address(), resending);
    CHECK(sender.send(envelope_of(tag(0), payload), payload).to_string() == "ok");
  }
  CHECK(receiver.received.wait().to_string() == "ok");
  CHECK((receiver.dest == payload));
  const std::vector<TimePoint> thrown = server.thrown(kSendMethod);
  REQUIRE(thrown.size() == 4);
  for (std::uint32_t k = 0; k < 3; ++k)
    CHECK(thrown[k + 1] - thrown[k] > resending.pause_after(k) / 2);  // gRPC goes by another clock
}

// Mutations: in Resending::pause_after, leave out the minimum; end the loop by `sending` alone.
TEST_CASE("a pause before a message is sent again is a second at most") {
  const Resending resending;
  const auto ms = [&](std::uint32_t sending) {
    return resending.pause_after(sending) / std::chrono::milliseconds(1);
  };
  CHECK(ms(0) == 10);
  CHECK(ms(1) == 20);
  CHECK(ms(6) == 640);
  for (const std::uint32_t sending : {7U, 64U, 0xffffffffU}) CHECK(ms(sending) == 1000);
}

// Mutation: in SendCall::give_up, cancel no alarm (hangs).
TEST_CASE("an operation that is cancelled in its pause leaves nothing behind") {
  ThrowingOut server(core_of(island(1), island(0)));
  server.throw_out(kSendMethod, kAlways);
  const auto payload = std::make_shared<const ByteBuffer>(pattern(1000));
  RawSender sender(server.address(), {.first_pause = kNever, .longest_pause = kNever});
  std::vector<Operation> sends;
  for (std::uint32_t i = 0; i < 16; ++i)
    sends.push_back(sender.start(envelope_of(tag(i), *payload), payload, 1e6));
  wait_for(server, kSendMethod, sends.size());
  for (const Operation& operation : sends) operation.cancel();
  for (const Operation& operation : sends) CHECK(operation.wait().code() == Code::kCancelled);
  CHECK(server.thrown(kSendMethod).size() == sends.size());
}

// Mutation: in SendCall::pause, forget the deadline (hangs).
TEST_CASE("a pause is over at the deadline, although nobody looks at the operation") {
  ThrowingOut server(core_of(island(1), island(0)));
  server.throw_out(kSendMethod, kAlways);
  const auto payload = std::make_shared<const ByteBuffer>(pattern(1000));
  std::promise<Status> ended;
  RawSender sender(server.address(), {.first_pause = kNever, .longest_pause = kNever});
  sender.start(envelope_of(tag(0), *payload), payload, 0.3).on_end([&](const Status& status) {
    ended.set_value(status);
  });
  CHECK(ended.get_future().get().code() == Code::kDeadlineExceeded);
}

// Mutations: in SendCall::give_up, do not tell after a pause or another sending; in
// SendCall::OnDone, send only messages again.
TEST_CASE("a receiver learns that its sender has given up, although that gets lost, too") {
  const auto code = GENERATE(grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::UNAVAILABLE);
  Receiving receiver(1000);
  ThrowingOut server(receiver.core);
  server.throw_out(kSendMethod, kAlways);
  server.throw_out(kGiveUpMethod, 3, code);
  const auto payload = std::make_shared<const ByteBuffer>(pattern(1000));
  RawSender sender(server.address(), {.give_up_patience = kNever});
  const Operation sent = sender.start(envelope_of(tag(0), *payload), payload);
  wait_for(server, kSendMethod, 2);
  sent.cancel();
  CHECK(receiver.received.wait().message().find("given up") != std::string::npos);
  CHECK(server.thrown(kGiveUpMethod).size() == 3);
}

// Mutation: in SendCall::begin, do not stop when closing (hangs).
TEST_CASE("who closes does not wait until a receiver has learnt that nothing comes") {
  const bool gone = GENERATE(false, true);
  std::optional<ThrowingOut> server(core_of(island(1), island(0)));
  server->throw_out(kSendMethod, kAlways);
  server->throw_out(kGiveUpMethod, kAlways);
  const auto payload = std::make_shared<const ByteBuffer>(pattern(1000));
  RawSender sender(server->address(), {.give_up_patience = kNever});
  const Operation sent = sender.start(envelope_of(tag(0), *payload), payload);
  wait_for(*server, kSendMethod, 2);
  if (gone) server.reset();
  sent.cancel();
  if (!gone) wait_for(*server, kGiveUpMethod, 2);
}

// Mutation: in from_grpc, make RESOURCE_EXHAUSTED what it is called.
TEST_CASE("a peer whose gRPC has no memory for a watch is not taken for gone") {
  const auto core = core_of(island(0), island(1));
  ThrowingOut peer(core);
  peer.throw_out(kWatchMethod, 3);
  const auto receiver = listening(island(1));
  throw_if_error(receiver->add_peer(island(0), peer.address()));
  const auto payload = pattern(1000);
  std::vector<std::byte> dest(payload.size());
  const Operation received = recv(*receiver, island(0), tag(0), dest);
  wait_for(peer, kWatchMethod, 3);
  RawSender sender(receiver->address());
  CHECK(sender.send(envelope_of(tag(0), payload), payload).to_string() == "ok");
  CHECK(received.wait().to_string() == "ok");
  CHECK((dest == payload));
}

// Mutation: in SendCall::OnDone, never send again; in RecvStream::OnDone, end the recv instead of
// letting it wait again.
TEST_CASE("connections that break cost nothing but time") {
  Pair pair;
  constexpr std::uint32_t kMessages = 24;
  const std::size_t bytes = (std::size_t{2} << 20) + 4;
  std::vector<std::vector<std::byte>> payloads, dests(kMessages, std::vector<std::byte>(bytes));
  std::vector<Operation> operations;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    payloads.push_back(pattern(bytes, i));
    operations.push_back(recv(*pair.receiver, island(0), tag(i), dests[i]));
  }
  for (std::uint32_t i = 0; i < kMessages; ++i)
    operations.push_back(send(*pair.sender, island(1), tag(i), payloads[i]));
  std::mt19937 random(11);
  std::size_t cuts = 0;
  for (std::uint64_t next = bytes; cuts < 5; next += random() % (4 * bytes)) {
    while (pair.receiver->bytes_received() < next && !operations.back().done())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    pair.proxy.cut();
    ++cuts;
  }
  std::string failures;
  for (const Operation& operation : operations)
    if (const Status status = operation.wait(); !status.ok()) failures += status.to_string() + "\n";
  CHECK(failures == "");
  CHECK((dests == payloads));
  CHECK(pair.proxy.connections() > 4);
}

// Mutation: in Peer::next_stub, return the first one always.
TEST_CASE("messages take turns on so many connections") {
  const std::uint32_t channels = GENERATE(1U, 3U);
  Pair pair(channels);
  std::vector<std::byte> dest(4096);
  for (std::uint32_t i = 0; i < 12; ++i) {
    const Operation received = recv(*pair.receiver, island(0), tag(i), dest);
    REQUIRE(send(*pair.sender, island(1), tag(i), dest).wait().ok());
    REQUIRE(received.wait().ok());
  }
  CHECK(pair.proxy.connections() == channels);
}

// Mutation: in GrpcTransport::listen, do not look at `channels`.
TEST_CASE("no channel and too many are refused") {
  for (const std::uint32_t channels : {0U, 17U}) {
    const auto refused = GrpcTransport::listen({.job = "test", .channels = channels});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.status().message().find("1 to 16") != std::string::npos);
  }
}

// Mutation: in Rendezvous::arrive, let `known` be false (the copy then waits for its deadline).
TEST_CASE("a message that is sent again although it came is answered, once") {
  const auto receiver = listening(island(1)), peer = listening(island(0));
  REQUIRE(receiver->add_peer(island(0), peer->address()).ok());
  const auto payload = pattern(3 << 19);
  std::vector<std::byte> dest(payload.size());
  Envelope envelope = envelope_of(tag(0), payload);
  RawSender sender(receiver->address());
  const Operation received = recv(*receiver, island(0), tag(0), dest);
  CHECK(sender.send(envelope, payload).to_string() == "ok");
  CHECK(received.wait().to_string() == "ok");
  CHECK((dest == payload));
  dest.assign(dest.size(), {});
  envelope.sending = 1;
  CHECK(sender.send(envelope, payload).to_string() == "ok");
  CHECK((dest == std::vector<std::byte>(dest.size())));
}

// Mutation: in SendCall::give_up, tell nobody.
TEST_CASE("a receiver learns at once that its sender has given up") {
  Pair pair;
  std::vector<std::byte> dest(std::size_t{64} << 20);
  const Operation received = recv(*pair.receiver, island(0), tag(0), dest, 1e6);
  const Operation sent = send(*pair.sender, island(1), tag(0), dest, 1e6);
  while (pair.receiver->bytes_received() < kChunkBytes) std::this_thread::yield();
  sent.cancel();
  CHECK(sent.wait().code() == Code::kCancelled);
  const Status status = received.wait();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.message().find("given up") != std::string::npos);
}

// Mutation: in PayloadService::watch, return a WatchStream always.
TEST_CASE("a process that took over a dead one's port is not taken for it") {
  auto old = listening(island(0, 1));
  const std::string address = old->address();
  const auto receiver = listening(island(1));
  REQUIRE(receiver->add_peer(island(0, 1), address).ok());
  std::vector<std::byte> dest(4096);
  const Operation pending = recv(*receiver, island(0, 1), tag(0), dest, 1e6);
  old.reset();
  const auto now = listening(island(0, 2), 4, address);
  CHECK(pending.wait().code() == Code::kUnavailable);
  // gRPC goes on saying why the last connection failed for a while.
  std::string why;
  for (const TimePoint end = in(30); why.find("this is island 0 (incarnation 2)") == why.npos;) {
    INFO(why);
    REQUIRE(Clock::now() < end);
    const Status later = recv(*receiver, island(0, 1), tag(1), dest, 1e6).wait();
    CHECK(later.code() == Code::kUnavailable);
    why = later.message();
  }
}

}  // namespace outrigger::grpc_resume_test
