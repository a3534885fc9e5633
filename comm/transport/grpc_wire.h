#pragma once

#include <span>
#include <string>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// What GrpcTransport puts on the wire. One message is one bidirectional stream of kSendMethod. The
// sender writes an envelope, then the payload in chunks of at most kChunkBytes, and closes its
// side; the receiver writes nothing and answers with the stream's status: Ok once the payload's
// checksum is verified, or why it refused. The payload is the gRPC message itself, not a field of a
// protobuf. When the connection breaks, or the receiver's gRPC has no memory for it, the sender
// sends the message again, from its beginning, with a larger `sending`; a receiver that has it
// whole by then answers Ok at once.
//
// The envelope, little-endian:
//   magic "ORE2" | from: island u32, incarnation u64, worker u32 | to: the same
//   | fragment u32, round u64, term u64, attempt u64, hop u32, shard u32 | sending u32
//   | frame header | job: the rest
struct Envelope {
  MemberId from, to;
  Tag tag;
  FrameBytes frame{};
  std::string job;            // at most kMaxJobBytes
  std::uint32_t sending = 0;  // 0 for the first time
};

inline constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxJobBytes = 256;
inline constexpr const char* kSendMethod = "/outrigger.v1.Payload/Send";
// A stream that carries nothing and stays open while both processes live: how a receiver notices
// that a peer's process, or the way to it, is gone. kWatchedKey names the member that is watched; a
// process that is another refuses.
inline constexpr const char* kWatchMethod = "/outrigger.v1.Payload/Watch";
inline constexpr const char* kWatchedKey = "outrigger-member";
// One envelope: its sender will not send that message again, so that nobody waits for it.
inline constexpr const char* kGiveUpMethod = "/outrigger.v1.Payload/GiveUp";

std::string pack(const Envelope& envelope);
// Corruption if the length or the magic is wrong. The frame header is not looked at.
Result<Envelope> unpack(std::span<const std::byte> bytes);

// The status on its way through gRPC and back. What gRPC itself reports arrives as Unavailable, and
// so does a Cancelled: it was the peer's doing, not the caller's. On the wire, two codes are never
// a peer's word but gRPC's: UNAVAILABLE, the connection could not be made, or broke, and
// RESOURCE_EXHAUSTED, the receiver's memory for what nobody has read is full.
grpc::Status to_grpc(const Status& status);
Status from_grpc(const grpc::Status& status);

// The buffer's bytes, copied to out; REQUIRES: out.size() == buffer.Length().
void copy_out(const grpc::ByteBuffer& buffer, std::span<std::byte> out);

// InvalidArgument, naming --insecure, unless `address` is on loopback ("127.x.y.z:port",
// "localhost:port",
// "[::1]:port") or `insecure` is set. `what` would cross the network.
Status check_address(const std::string& address, bool insecure, const char* what = "payloads");

}  // namespace outrigger
