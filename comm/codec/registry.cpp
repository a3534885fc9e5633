#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/fp32.h>
#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/sign.h>
#include <outrigger/comm/codec/two_bit.h>
#include <outrigger/comm/codec/two_bit_linear.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string>
#include <vector>

namespace outrigger {
namespace {

std::span<const Codec* const> codecs() {
  static const Fp32Codec fp32;
  static const Bf16Codec bf16;
  static const Int8Codec int8;
  static const Fp16Codec fp16;
  static const Int4Codec int4;
  static const Fp4E3m0Codec fp4_e3m0;
  static const TwoBitCodec two_bit;
  static const TwoBitLinearCodec two_bit_linear;
  static const SignCodec sign;
  static const std::array<const Codec*, 9> all = {
      &fp32, &bf16, &int8, &fp16, &int4, &fp4_e3m0, &two_bit, &two_bit_linear, &sign};
  return all;
}

}  // namespace

double bits_per_value(const Codec& codec) {
  constexpr std::size_t kMany = std::size_t{1} << 30;
  return 8.0 * static_cast<double>(codec.encoded_bytes(kMany)) / static_cast<double>(kMany);
}

Result<const Codec*> find_codec(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Codec* codec : codecs()) {
    if (codec->name() == name) return codec;
    names.push_back(codec->name());
  }
  return Status(Code::kNotFound, fmt::format("there is no codec '{}'; choose one of {}", name,
                                             fmt::join(names, ", ")));
}

Result<const Codec*> find_codec(std::uint32_t wire_id) {
  std::vector<std::string> known;
  for (const Codec* codec : codecs()) {
    if (codec->wire_id() == wire_id) return codec;
    known.push_back(fmt::format("{} ({})", codec->wire_id(), codec->name()));
  }
  return Status(Code::kNotFound,
                fmt::format("codec id {} is unknown, known are {}; the peer probably runs a newer "
                            "version of Outrigger: install the same one everywhere",
                            wire_id, fmt::join(known, ", ")));
}

}  // namespace outrigger
