#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <outrigger/comm/status.h>

namespace outrigger {

// What stands before every encoded span on the wire, so that a receiver can refuse it before it
// reserves memory or reads a byte of it. 40 bytes, little-endian:
//
//   offset 0   magic       4 bytes  "ORG1" (the 1 is the version)
//          4   codec       u32      Codec::wire_id()
//          8   elements    u64      fp32 values that the payload encodes, at most kMaxFrameElements
//         16   bytes       u64      length of the payload
//         24   checksum    u64      XXH3-64 of the payload
//         32   header sum  u64      XXH3-64 of the 32 bytes before it
inline constexpr std::size_t kFrameHeaderBytes = 40;
using FrameBytes = std::array<std::byte, kFrameHeaderBytes>;

// 4 TiB of fp32: far above any fragment, far below where a codec's lengths could overflow.
inline constexpr std::uint64_t kMaxFrameElements = std::uint64_t{1} << 40;

struct FrameHeader {
  std::uint32_t codec = 0;
  std::uint64_t elements = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t checksum = 0;
};

// REQUIRES: elements <= kMaxFrameElements; the payload has what the codec gives for them.
FrameBytes write_frame(std::uint32_t codec, std::uint64_t elements,
                       std::span<const std::byte> payload);

// Reads the first kFrameHeaderBytes and nothing behind them. Corruption when the bytes are too few,
// the magic is not ours, the header sum differs, `elements` exceeds the largest or `payload_bytes`
// is not what the codec gives for `elements`; NotFound for an unknown codec.
Result<FrameHeader> read_frame(std::span<const std::byte> bytes);

// What the receiver expects is known from the close: codec and elements equal it, or Corruption.
Status check_frame(const FrameHeader& header, std::uint32_t codec, std::uint64_t elements);

// The payload against the header: length, then checksum; Corruption.
Status check_payload(const FrameHeader& header, std::span<const std::byte> payload);

}  // namespace outrigger
