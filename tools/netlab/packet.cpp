#include "netlab/packet.h"

#include <cstring>

namespace outrigger::netlab {
namespace {

constexpr std::size_t kIpHeaderBytes = 20;  // without options
constexpr std::size_t kTcpHeaderBytes = 20;
constexpr std::size_t kTcpOffsetByte = 12;  // its upper half: the header's length in words

std::size_t at(std::span<const std::byte> packet, std::size_t place) {
  return std::to_integer<std::size_t>(packet[place]);
}

std::size_t word_at(std::span<const std::byte> packet, std::size_t place) {
  return at(packet, place) << 8 | at(packet, place + 1);
}

// Of IP and TCP together; nothing where the packet is too short for them.
std::optional<std::size_t> header_bytes(std::span<const std::byte> packet, std::size_t ip_bytes) {
  if (packet.size() < ip_bytes + kTcpHeaderBytes) return std::nullopt;
  const std::size_t tcp_bytes = (at(packet, ip_bytes + kTcpOffsetByte) >> 4) * 4;
  if (tcp_bytes < kTcpHeaderBytes || packet.size() < ip_bytes + tcp_bytes) return std::nullopt;
  return ip_bytes + tcp_bytes;
}

}  // namespace

std::optional<PacketFacts> read_packet(std::span<const std::byte> bytes) {
  if (bytes.size() < kVnetHeaderBytes + kIpHeaderBytes) return std::nullopt;
  VnetHeader vnet;
  std::memcpy(&vnet, bytes.data(), sizeof vnet);
  const std::span<const std::byte> packet = bytes.subspan(kVnetHeaderBytes);
  const std::size_t ip_bytes = (at(packet, 0) & 0xf) * 4;
  if (at(packet, 0) >> 4 != 4 || ip_bytes < kIpHeaderBytes) return std::nullopt;
  if (word_at(packet, 2) != packet.size()) return std::nullopt;

  PacketFacts facts;
  facts.destination = static_cast<std::uint32_t>(word_at(packet, 16) << 16 | word_at(packet, 18));
  facts.wire_bytes = packet.size();
  const unsigned kind = vnet.kind & ~VnetHeader::kEcn;
  if (kind == VnetHeader::kNoSuperPacket) return facts;
  const auto headers = header_bytes(packet, ip_bytes);
  if (kind != VnetHeader::kTcp4 || vnet.segment_bytes == 0 || !headers) return std::nullopt;
  const std::size_t payload = packet.size() - *headers;
  const std::size_t segments = payload == 0 ? 1 : (payload - 1) / vnet.segment_bytes + 1;
  facts.wire_bytes += (segments - 1) * *headers;
  return facts;
}

}  // namespace outrigger::netlab
