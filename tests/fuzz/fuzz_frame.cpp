#include "fuzz/input.h"

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/hash.h>

namespace outrigger::fuzz {
namespace {

constexpr std::size_t kHeaderSumAt = 32;

// A header that is accepted says nothing that its codec contradicts.
void check_header(std::span<const std::byte> bytes) {
  const Result<FrameHeader> header = read_frame(bytes);
  if (!header.ok()) {
    require(!header.status().message().empty(), "a refusal says why");
    return;
  }
  const Result<const Codec*> codec = find_codec(header->codec);
  require(codec.ok() && (*codec)->wire_id() == header->codec, "the codec of a header exists");
  require(header->elements <= kMaxFrameElements, "a header announces no more than the most");
  require(header->payload_bytes == (*codec)->encoded_bytes(header->elements),
          "the codec fixes the payload's length");
  require(check_frame(*header, header->codec, header->elements).ok(), "a header fits itself");
  (void)check_payload(*header, bytes.subspan(kFrameHeaderBytes));
}

// The header with the sum that its bytes ask for, so that the fields behind it are looked at.
void check_forged(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderBytes) return;
  std::vector<std::byte> forged(bytes.begin(), bytes.end());
  std::memcpy(forged.data(), "ORG1", 4);
  const std::uint64_t sum = hash64(std::span(forged).first(kHeaderSumAt));
  std::memcpy(&forged[kHeaderSumAt], &sum, sizeof sum);
  check_header(forged);
}

// Mutation that the corpus finds: check_payload without the checksum.
// Input: codec, u16 values, u16 the byte to alter, u8 how, payload.
void check_consistent(Input input) {
  const Codec& codec = input.take_codec();
  const std::size_t elements = input.take<std::uint16_t>() % 5000;
  const std::size_t altered_at = input.take<std::uint16_t>();
  const std::byte change{std::max<std::uint8_t>(1, input.take<std::uint8_t>())};
  std::vector<std::byte> payload = input.take_rest(codec.encoded_bytes(elements));
  FrameBytes bytes = write_frame(codec.wire_id(), elements, payload);
  const Result<FrameHeader> header = read_frame(bytes);
  require(header.ok(), "a frame as written is read");
  require(check_frame(*header, codec.wire_id(), elements).ok(), "a frame says what was written");
  require(check_payload(*header, payload).ok(), "a payload as written is accepted");

  bytes[altered_at % kFrameHeaderBytes] ^= change;
  require(!read_frame(bytes).ok(), "an altered header is refused");
  if (payload.empty()) return;
  payload[altered_at % payload.size()] ^= change;
  require(!check_payload(*header, payload).ok(), "an altered payload is refused");
  payload[altered_at % payload.size()] ^= change;
  payload.pop_back();
  require(!check_payload(*header, payload).ok(), "a cut payload is refused");
}

}  // namespace
}  // namespace outrigger::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  outrigger::fuzz::check_header(bytes);
  outrigger::fuzz::check_forged(bytes);
  outrigger::fuzz::check_consistent({data, size});
  return 0;
}
