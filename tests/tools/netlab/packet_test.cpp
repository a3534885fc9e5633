#include "netlab/packet.h"

#include <cstring>
#include <vector>

#include "support/catch.h"

namespace outrigger::netlab::packet_test {

constexpr std::size_t kHeaders = 20 + 32;  // IPv4, TCP with timestamps

// To 10.89.0.2, with a payload of zeros.
std::vector<std::byte> tcp_packet(std::size_t payload, unsigned kind, unsigned segment_bytes) {
  std::vector<std::byte> bytes(kVnetHeaderBytes + kHeaders + payload);
  VnetHeader vnet;
  vnet.kind = static_cast<std::uint8_t>(kind);
  vnet.segment_bytes = static_cast<std::uint16_t>(segment_bytes);
  std::memcpy(bytes.data(), &vnet, sizeof vnet);
  std::byte* ip = bytes.data() + kVnetHeaderBytes;
  const std::size_t length = kHeaders + payload;
  ip[0] = std::byte{0x45};
  ip[2] = static_cast<std::byte>(length >> 8);
  ip[3] = static_cast<std::byte>(length & 0xff);
  const unsigned char destination[] = {10, 89, 0, 2};
  std::memcpy(ip + 16, destination, 4);
  ip[20 + 12] = std::byte{0x80};  // eight words
  return bytes;
}

// Mutation: take the address at 12, the sender's.
TEST_CASE("a packet's destination and bytes are read") {
  const auto facts = read_packet(tcp_packet(100, VnetHeader::kNoSuperPacket, 0));
  REQUIRE(facts);
  CHECK(facts->destination == 0x0a590002);
  CHECK(facts->wire_bytes == kHeaders + 100);
}

// Mutation: segments without the - 1 (so that an exact multiple counts one more); or leave their
// headers out.
TEST_CASE("a super-packet counts the headers of all its segments") {
  const auto bytes_of = [](std::size_t payload, unsigned kind) {
    const auto facts = read_packet(tcp_packet(payload, kind, 1448));
    return facts ? facts->wire_bytes : 0;
  };
  CHECK(bytes_of(10 * 1448, VnetHeader::kTcp4) == 10 * (1448 + kHeaders));
  CHECK(bytes_of(10 * 1448 + 1, VnetHeader::kTcp4) == 10 * 1448 + 1 + 11 * kHeaders);
  CHECK(bytes_of(0, VnetHeader::kTcp4) == kHeaders);
  CHECK(bytes_of(2 * 1448, VnetHeader::kTcp4 | VnetHeader::kEcn) == 2 * (1448 + kHeaders));
}

// Mutation: leave out any one of read_packet's refusals.
TEST_CASE("what is no IPv4 packet of its length is refused") {
  const auto good = tcp_packet(3000, VnetHeader::kTcp4, 1448);
  REQUIRE(read_packet(good));
  for (const std::size_t size : {std::size_t{0}, kVnetHeaderBytes + 19, good.size() - 1})
    CHECK_FALSE(read_packet(std::span(good).first(size)));
  const auto with = [&](std::size_t place, unsigned value) {
    auto changed = good;
    changed[place] = static_cast<std::byte>(value);
    return read_packet(changed);
  };
  CHECK_FALSE(with(kVnetHeaderBytes, 0x65));            // IPv6
  CHECK_FALSE(with(kVnetHeaderBytes + 20 + 12, 0x40));  // TCP's of 16
  CHECK_FALSE(with(1, VnetHeader::kUdp));               // never offered to the device
  CHECK_FALSE(read_packet(tcp_packet(3000, VnetHeader::kTcp4, 0)));
  auto short_header = tcp_packet(100, VnetHeader::kNoSuperPacket, 0);
  short_header[kVnetHeaderBytes] = std::byte{0x44};  // of 16 bytes
  CHECK_FALSE(read_packet(short_header));
  auto cut = tcp_packet(0, VnetHeader::kTcp4, 1448);  // within TCP's options
  cut.resize(cut.size() - 1);
  cut[kVnetHeaderBytes + 3] = std::byte{kHeaders - 1};
  CHECK_FALSE(read_packet(cut));
}

}  // namespace outrigger::netlab::packet_test
