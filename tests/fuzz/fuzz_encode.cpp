#include <cmath>

#include "fuzz/input.h"

#include <outrigger/comm/codec/kernels.h>

namespace outrigger::fuzz {
namespace {

// fp32 values of any bits: the bytes, over and over.
std::vector<float> tile(std::span<const std::byte> bytes, std::size_t count) {
  std::vector<float> values(count, 0.0F);
  const std::size_t period = bytes.size() / sizeof(float);
  for (std::size_t i = 0; i < count && period > 0; ++i)
    std::memcpy(&values[i], &bytes[i % period * sizeof(float)], sizeof(float));
  return values;
}

// The vector kernels of the codec against the reference; those of other codecs are not looked at.
void check_kernels(const Codec& codec, const std::vector<float>& values, const Rounding& rounding) {
  if (values.empty()) return;
  std::vector<std::byte> expected(codec.encoded_bytes(values.size())), got = expected;
  if (codec.name() == "int8") {
    const bool finite = scalar::encode_int8(values, expected.data(), rounding);
    require(simd::encode_int8(values, got.data(), rounding) == finite, "int8: equal finiteness");
    require(!finite || got == expected, "int8: vectors give the reference's bytes");
  }
  if ((codec.wire_id() & 0xff) == kTopKFamily) {
    const std::size_t kept = codec.wire_id() >> 16;
    std::vector<std::uint16_t> indices(std::min(kept, values.size())), vector_indices = indices;
    const bool finite = scalar::select_top_k(values, indices);
    require(simd::select_top_k(values, vector_indices) == finite, "top-k: equal finiteness");
    require(!finite || vector_indices == indices, "top-k: vectors choose as the reference");
  }
}

// Mutation that the corpus finds: encode_block of top-k returns true after the stand-ins.
// Input: codec, u16 values modulo the block's, u8 odd: stochastic, values.
void encode(Input input) {
  const Codec& codec = input.take_codec();
  const std::size_t count = input.take<std::uint16_t>() % (codec.block_elements() + 1);
  const auto seed = input.take<std::uint8_t>();
  const Rounding rounding = {
      .stochastic = seed % 2 == 1, .seed = seed, .position = codec.block_elements() * seed};
  const std::vector<float> values = tile(input.rest(), count);
  const bool finite =
      std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });

  std::vector<std::byte> bytes(codec.encoded_bytes(count), std::byte{0xff});
  require(codec.encode_block(values, bytes, rounding) == finite, "the finiteness is right");
  std::vector<float> decoded(count);
  require(codec.decode_block(bytes, decoded).ok(), "what is encoded is decoded");
  for (const float value : decoded) require(std::isfinite(value), "decoded values are finite");
  if (finite && codec.lossless()) require(decoded == values, "a lossless codec loses nothing");
  check_kernels(codec, values, rounding);
}

}  // namespace
}  // namespace outrigger::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  outrigger::fuzz::encode({data, size});
  return 0;
}
