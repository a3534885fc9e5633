#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/hash.h>

#include <fmt/format.h>

#include <cassert>
#include <cstring>

namespace outrigger {
namespace {

static_assert(sizeof(std::size_t) == 8, "lengths of kMaxFrameElements values need 64 bits");

constexpr char kMagic[4] = {'O', 'R', 'G', '1'};
constexpr std::size_t kCodecAt = 4, kElementsAt = 8, kBytesAt = 16, kChecksumAt = 24,
                      kHeaderSumAt = 32;

Status corrupt(std::string message) {
  return {Code::kCorruption, std::move(message)};
}

// What the bytes say by themselves, before any field is believed.
Status check_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderBytes)
    return corrupt(fmt::format("a frame header of {} bytes was cut off, it has {} bytes",
                               bytes.size(), kFrameHeaderBytes));
  if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    return corrupt(
        fmt::format("a frame starts with {:#010x} and not with 'ORG1': the sender is not an "
                    "Outrigger of this version, or the bytes were altered",
                    load_little_endian<std::uint32_t>(bytes.data())));
  if (load_little_endian<std::uint64_t>(&bytes[kHeaderSumAt]) != hash64(bytes.first(kHeaderSumAt)))
    return corrupt("a frame header does not match its checksum: it was altered on the way");
  return {};
}

}  // namespace

FrameBytes write_frame(std::uint32_t codec, std::uint64_t elements,
                       std::span<const std::byte> payload) {
  assert(elements <= kMaxFrameElements);
  FrameBytes bytes = {};
  std::memcpy(bytes.data(), kMagic, sizeof kMagic);
  store_little_endian(codec, &bytes[kCodecAt]);
  store_little_endian(elements, &bytes[kElementsAt]);
  store_little_endian<std::uint64_t>(payload.size(), &bytes[kBytesAt]);
  store_little_endian(hash64(payload), &bytes[kChecksumAt]);
  store_little_endian(hash64(std::span(bytes).first(kHeaderSumAt)), &bytes[kHeaderSumAt]);
  return bytes;
}

Result<FrameHeader> read_frame(std::span<const std::byte> bytes) {
  if (Status status = check_bytes(bytes); !status.ok()) return status;
  const FrameHeader header = {.codec = load_little_endian<std::uint32_t>(&bytes[kCodecAt]),
                              .elements = load_little_endian<std::uint64_t>(&bytes[kElementsAt]),
                              .payload_bytes = load_little_endian<std::uint64_t>(&bytes[kBytesAt]),
                              .checksum = load_little_endian<std::uint64_t>(&bytes[kChecksumAt])};
  const Result<const Codec*> codec = find_codec(header.codec);
  if (!codec.ok()) return codec.status();
  if (header.elements > kMaxFrameElements)
    return corrupt(fmt::format("a frame announces {} values, the largest may have {}",
                               header.elements, kMaxFrameElements));
  const std::uint64_t right = (*codec)->encoded_bytes(header.elements);
  if (header.payload_bytes != right)
    return corrupt(fmt::format("a frame announces {} bytes for {} values of {}, which take {}",
                               header.payload_bytes, header.elements, (*codec)->name(), right));
  return header;
}

Status check_frame(const FrameHeader& header, std::uint32_t codec, std::uint64_t elements) {
  if (header.codec != codec)
    return corrupt(
        fmt::format("a frame has codec id {} where the close says {}", header.codec, codec));
  if (header.elements != elements)
    return corrupt(
        fmt::format("a frame has {} values where the close says {}", header.elements, elements));
  return {};
}

Status check_payload(const FrameHeader& header, std::span<const std::byte> payload) {
  if (payload.size() != header.payload_bytes)
    return corrupt(fmt::format("a payload of {} bytes came where the frame announced {}",
                               payload.size(), header.payload_bytes));
  const std::uint64_t checksum = hash64(payload);
  if (checksum != header.checksum)
    return corrupt(fmt::format(
        "a payload of {} bytes has checksum {:016x} where the frame announced {:016x}: it was "
        "altered on the way",
        payload.size(), checksum, header.checksum));
  return {};
}

}  // namespace outrigger
