#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <outrigger/comm/status.h>

namespace outrigger {

// What stands before every encoded span on the wire, so that a receiver can refuse it before it reserves
// memory or reads a byte of it. 32 bytes, little-endian:
//
//   offset 0   magic       4 bytes  "ORG1" (the 1 is the version)
//          4   codec       u8       Codec::wire_id()
//          5   zero        3 bytes
//          8   elements    u64      fp32 values that the payload encodes
//         16   bytes       u64      length of the payload
//         24   checksum    u64      XXH3-64 of the payload
inline constexpr std::size_t kFrameHeaderBytes = 32;
using FrameBytes = std::array<std::byte, kFrameHeaderBytes>;

struct FrameHeader {
  std::uint8_t codec = 0;
  std::uint64_t elements = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t checksum = 0;
};

FrameBytes write_frame(std::uint8_t codec, std::uint64_t elements, std::span<const std::byte> payload);

// Corruption when the bytes are too few, the magic is not ours or a reserved byte is not zero; NotFound
// for an unknown codec; Corruption when `payload_bytes` is not what the codec gives for `elements`.
Result<FrameHeader> read_frame(std::span<const std::byte> bytes);

// What the receiver expects is known from the close: codec and elements must equal it.
Status check_frame(const FrameHeader& header, std::uint8_t codec, std::uint64_t elements);

// The payload against the header: length, then checksum.
Status check_payload(const FrameHeader& header, std::span<const std::byte> payload);

}  // namespace outrigger
