#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace outrigger::netlab {

// What a TUN device with IFF_VNET_HDR puts before each packet. Written out here because C++ cannot
// include linux/virtio_net.h, which names a member `class`.
struct VnetHeader {
  static constexpr std::uint8_t kNoSuperPacket = 0, kTcp4 = 1, kUdp = 3, kEcn = 0x80;
  std::uint8_t flags = 0;
  std::uint8_t kind = kNoSuperPacket;  // with kEcn added where TCP marks congestion
  std::uint16_t header_bytes = 0;
  std::uint16_t segment_bytes = 0;  // the payload of each segment but the last
  std::uint16_t checksum_start = 0, checksum_offset = 0;
};
inline constexpr std::size_t kVnetHeaderBytes = sizeof(VnetHeader);
static_assert(kVnetHeaderBytes == 10);

struct PacketFacts {
  std::uint32_t destination = 0;  // IPv4, in the host's byte order
  std::uint64_t wire_bytes = 0;   // on a line: a super-packet's as the segments it stands for
};

// Reads a packet with its virtio_net_hdr. With TSO on, TCP hands out super-packets of up to 64 KiB
// that stand for many segments; on a line each of these has headers of its own. Nothing where it is
// not an IPv4 packet of that length.
std::optional<PacketFacts> read_packet(std::span<const std::byte> bytes);

}  // namespace outrigger::netlab
