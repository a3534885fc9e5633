#include <cmath>

#include "fuzz/input.h"

namespace outrigger::fuzz {
namespace {

// Whether what was decoded encodes to values that are equal again. int8 does not hold that: the
// scale is taken anew from the largest code, and is rounded.
bool reproduces(const Codec& codec) {
  const std::uint32_t family = codec.wire_id() & 0xff;
  const std::uint32_t values = family == kTopKFamily ? codec.wire_id() >> 8 & 0xff : family;
  return values == 1 || values == 2;  // fp32, bf16
}

void check_again(const Codec& codec, const std::vector<float>& values) {
  std::vector<std::byte> bytes(codec.encoded_bytes(values.size()));
  require(codec.encode_block(values, bytes), "decoded values count as finite");
  std::vector<float> again(values.size());
  require(codec.decode_block(bytes, again).ok(), "what is encoded is decoded");
  if (reproduces(codec)) require(again == values, "values decode to themselves again");
}

// Mutation that the corpus finds: pack_indices of top_k.cpp shifts the second index by 16.
// Input: codec, u16 values modulo the block's, payload.
void decode(Input input) {
  const Codec& codec = input.take_codec();
  const std::size_t count = input.take<std::uint16_t>() % (codec.block_elements() + 1);
  const std::vector<std::byte> bytes = input.take_rest(codec.encoded_bytes(count));
  std::vector<float> values(count);
  const Status status = codec.decode_block(bytes, values);
  if (!status.ok()) {
    require(status.code() == Code::kCorruption && !status.message().empty(),
            "what is refused is corrupt, and the message says how");
    return;
  }
  for (const float value : values) require(std::isfinite(value), "decoded values are finite");
  check_again(codec, values);
}

}  // namespace
}  // namespace outrigger::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outrigger::fuzz::decode({data, size});
  return 0;
}
