#include "support/catch.h"

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/hash.h>

namespace outrigger::frame_test {
namespace {

using samples::Bytes;

struct Message {
  Bytes payload;
  FrameBytes header;
};

Message message(std::string_view codec, std::size_t elements) {
  const Codec& chosen = samples::codec(codec);
  Bytes payload = samples::encode_flat(chosen, samples::deltas(elements, 5));
  const FrameBytes header = write_frame(chosen.wire_id(), elements, payload);
  return {std::move(payload), header};
}

// A header whose own checksum is right, whatever else it says: what a hostile sender can write.
FrameBytes forge(std::uint32_t codec, std::uint64_t elements, std::uint64_t payload_bytes,
                 std::uint8_t high = 0) {
  FrameBytes bytes = message("fp32", 1).header;
  bytes[4] = static_cast<std::byte>(codec);
  bytes[7] = std::byte{high};
  std::memcpy(&bytes[8], &elements, 8);
  std::memcpy(&bytes[16], &payload_bytes, 8);
  const std::uint64_t sum = hash64(std::span(bytes).first(32));
  std::memcpy(&bytes[32], &sum, 8);
  return bytes;
}

}  // namespace

// Mutation: write_frame leaves the checksum out.
TEST_CASE("a frame is read as it was written, for every codec and odd lengths") {
  for (const std::string_view codec : {"fp32", "bf16", "int8", "top-k-500-int8"})
    for (const std::size_t elements : {0, 1, 255, 257, 4099}) {
      const Message sent = message(codec, elements);
      const Result<FrameHeader> read = read_frame(sent.header);
      REQUIRE(read.ok());
      CHECK(read->codec == samples::codec(codec).wire_id());
      CHECK(read->elements == elements);
      CHECK(read->payload_bytes == sent.payload.size());
      CHECK(check_frame(*read, read->codec, elements).ok());
      CHECK(check_payload(*read, sent.payload).ok());
    }
}

// Mutation: kMagic ends in '2'; or the frame's checksum is hash64 of the header.
TEST_CASE("a message has the bytes that the format's worked example shows") {
  const std::vector<float> values = {2.54F, -1.0F, 0.5F, -0.0F, 0.0F};
  const Bytes payload = samples::encode_flat(samples::codec("int8"), values);
  const FrameBytes header = write_frame(3, values.size(), payload);
  CHECK(samples::hex(payload) == "0ad7a33c7fce190000");
  CHECK(samples::hex(header) ==
        "4f52473103000000"
        "0500000000000000"
        "0900000000000000"
        "f57c0e01fcb6127c"
        "8328ee74a58c5681");
}

// Mutation: check_bytes compares bytes.size() with kHeaderSumAt.
TEST_CASE("a truncated header is refused at every length") {
  const Message sent = message("int8", 300);
  for (std::size_t length = 0; length < kFrameHeaderBytes; ++length) {
    const Bytes cut(sent.header.begin(), sent.header.begin() + length);
    const Status status = read_frame(cut).status();
    CHECK(status.code() == Code::kCorruption);
    CHECK(samples::contains(status.message(), "cut off"));
  }
}

// Mutation: check_bytes without the header sum.
TEST_CASE("a header with any one byte altered is refused from its 40 bytes alone") {
  for (const std::string_view codec : {"fp32", "bf16", "int8"}) {
    const Message sent = message(codec, 300);
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < kFrameHeaderBytes; ++at)
      for (int other = 1; other < 256; ++other) {
        FrameBytes altered = sent.header;
        altered[at] ^= static_cast<std::byte>(other);
        accepted += read_frame(altered).ok();
      }
    CHECK(accepted == 0);
  }
}

// Mutation: check_payload without the checksum; without the length (its message goes).
TEST_CASE("a payload that is cut, too long or altered is refused") {
  for (const std::string_view codec : {"fp32", "bf16", "int8"}) {
    const Message sent = message(codec, 300);
    const FrameHeader header = *read_frame(sent.header);
    for (std::size_t length = 0; length < sent.payload.size(); ++length) {
      const Status status = check_payload(header, std::span(sent.payload).first(length));
      CHECK(status.code() == Code::kCorruption);
      CHECK(samples::contains(status.message(), std::to_string(length) + " bytes came"));
    }
    Bytes longer = sent.payload;
    longer.push_back(std::byte{0});
    CHECK(check_payload(header, longer).code() == Code::kCorruption);

    Bytes altered = sent.payload;
    std::size_t accepted = 0;
    for (std::byte& byte : altered)
      for (int bit = 0; bit < 8; ++bit) {
        byte ^= std::byte(1 << bit);
        accepted += check_payload(header, altered).ok();
        byte ^= std::byte(1 << bit);
      }
    CHECK(accepted == 0);
  }
}

// Mutation: read_frame without the test of kMaxFrameElements (2^62 values of fp32 wrap to 0 bytes).
TEST_CASE("a forged header cannot announce more than a codec can hold") {
  constexpr std::uint64_t kMost = kMaxFrameElements;
  CHECK(read_frame(forge(1, kMost, kMost * 4)).ok());
  const std::uint64_t too_many[] = {kMost + 1, std::uint64_t{1} << 62, std::uint64_t{1} << 63,
                                    ~std::uint64_t{0}};
  for (const std::uint64_t elements : too_many)
    for (const std::uint8_t id : {1, 2, 3}) {
      const std::uint64_t wrapped = (*find_codec(id))->encoded_bytes(elements);
      const Status status = read_frame(forge(id, elements, wrapped)).status();
      CHECK(status.code() == Code::kCorruption);
      CHECK(samples::contains(status.message(), std::to_string(elements)));
    }
}

// Mutation: read_frame without the test of payload_bytes.
// Or: find_codec(wire_id) compares the family alone.
TEST_CASE("a forged header whose fields disagree is refused") {
  CHECK(read_frame(forge(3, 300, 308)).ok());
  CHECK(read_frame(forge(3, 300, 307)).status().code() == Code::kCorruption);
  CHECK(read_frame(forge(3, 300, 309)).status().code() == Code::kCorruption);
  CHECK(read_frame(forge(3, 0, 1)).status().code() == Code::kCorruption);
  CHECK(read_frame(forge(3, 300, 308, 1)).status().code() == Code::kNotFound);
  CHECK(read_frame(forge(250, 300, 308)).status().code() == Code::kNotFound);
  FrameBytes foreign = forge(3, 300, 308);
  foreign[3] = std::byte{'2'};
  CHECK(samples::contains(read_frame(foreign).status().message(), "'ORG1'"));
}

// Mutation: check_frame without the test of the codec; without that of the elements.
TEST_CASE("a frame other than the close says is refused") {
  const FrameHeader header = *read_frame(message("bf16", 40).header);
  CHECK(check_frame(header, 2, 40).ok());
  CHECK(check_frame(header, 1, 40).code() == Code::kCorruption);
  CHECK(check_frame(header, 2, 41).code() == Code::kCorruption);
}

}  // namespace outrigger::frame_test
