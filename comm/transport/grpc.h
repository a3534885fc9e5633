#pragma once

#include <memory>
#include <string>

#include <outrigger/comm/transport/transport.h>

namespace outrigger {

inline constexpr std::uint32_t kMaxChannels = 16;
// Of what was sent and has no reader yet a member holds so much for each peer, and once for
// strangers. As that fills, HTTP/2's windows get smaller; where it is not enough, messages are
// thrown out, and sent again after a pause.
inline constexpr std::size_t kUnreadBytesOfPeer = std::size_t{64} << 20;

struct GrpcOptions {
  std::string listen = "127.0.0.1:0";  // host:port; port 0 takes a free one
  std::string job{};                   // peers of another job are refused; at most 256 bytes
  bool insecure = false;               // needed to listen or connect off loopback
  std::uint32_t channels =
      4;  // TCP connections to each peer that messages go out on, at most kMaxChannels
};

// Members that are processes, over HTTP/2 (grpc_wire.h has the format). Messages take turns on
// `channels` connections to a peer. A connection that breaks costs the messages under way on it:
// they are sent again over a new one, and only if the peer cannot be reached do its operations
// fail. What has no recv yet is bounded by kUnreadBytesOfPeer, however much anybody wants to send.
// Callbacks run on gRPC's own threads. Nothing here knows a peer that is merely stopped from a slow
// one: that is the membership's heartbeats' business, and until they tell, each operation's
// deadline.
class GrpcTransport : public Transport {
 public:
  // Listens. InvalidArgument off loopback without `insecure`; ResourceExhausted if the port is
  // taken.
  static Result<std::unique_ptr<GrpcTransport>> listen(const GrpcOptions& options);
  ~GrpcTransport() override;

  // Who this member is; to be called before the first send or recv. Apart from listen(), since a
  // member is given its number by the coordinator, which wants to know the address first.
  void set_self(MemberId self);

  MemberId self() const override;
  std::string address() const override;
  // Connects when it is first needed. InvalidArgument as for listen().
  Status add_peer(MemberId peer, const std::string& address) override;
  void peer_lost(MemberId peer, Status why) override;
  void abort_before(RoundId round, AttemptId attempt) override;
  Operation send(MemberId to, const Tag& tag, std::uint32_t codec, std::uint64_t elements,
                 SharedBytes payload, TimePoint deadline) override;
  Operation recv(MemberId from, const Tag& tag, Expected expected, std::span<std::byte> dest,
                 TimePoint deadline) override;
  std::uint64_t bytes_sent() const override;
  std::uint64_t bytes_received() const override;

 private:
  class Impl;
  explicit GrpcTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace outrigger
