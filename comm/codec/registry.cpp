#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/fp32.h>
#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/sign.h>
#include <outrigger/comm/codec/top_k.h>
#include <outrigger/comm/codec/two_bit.h>
#include <outrigger/comm/codec/two_bit_linear.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
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

const Codec* find_fixed(std::string_view name) {
  const auto at = std::ranges::find(codecs(), name, &Codec::name);
  return at == codecs().end() ? nullptr : *at;
}

const Codec* find_fixed(std::uint32_t wire_id) {
  const auto at = std::ranges::find(codecs(), wire_id, &Codec::wire_id);
  return at == codecs().end() ? nullptr : *at;
}

// Made on first use and kept: there are at most kTopKMost for each fixed codec, whatever ids come.
const Codec* top_k(const Codec& values, std::uint32_t kept) {
  static std::mutex mutex;
  // Never destroyed: a thread may still encode while the process ends.
  static auto& made = *new std::map<std::uint32_t, std::unique_ptr<const TopKCodec>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<const TopKCodec>& codec = made[top_k_wire_id(values, kept)];
  if (!codec) codec = std::make_unique<TopKCodec>(values, kept);
  return codec.get();
}

constexpr std::string_view kTopKPrefix = "top-k-";

// The codec of a name that starts with kTopKPrefix; null if it is misspelt.
Result<const Codec*> find_top_k(std::string_view name) {
  const std::string_view rest = name.substr(kTopKPrefix.size());
  const std::string_view number = rest.substr(0, rest.find_first_not_of("0123456789"));
  const std::string_view ending = rest.substr(number.size());
  const Codec* values = ending.empty()            ? find_fixed("fp32")
                        : ending.starts_with('-') ? find_fixed(ending.substr(1))
                                                  : nullptr;
  if (number.empty() || values == nullptr) return nullptr;
  std::uint32_t kept = 0;
  const bool fits = std::from_chars(number.begin(), number.end(), kept).ec == std::errc();
  if (!fits || kept < 1 || kept > kTopKMost)
    return Status(Code::kNotFound,
                  fmt::format("the codec '{}' would keep {} of each {} values; it can keep 1 to {}",
                              name, number, kTopKChunk, kTopKMost));
  const Codec* codec = top_k(*values, kept);
  return codec->name() == name ? codec : nullptr;  // one name each: no top-k-064
}

const Codec* find_top_k(std::uint32_t wire_id) {
  const Codec* values = find_fixed(wire_id >> 8 & 0xff);
  const std::uint32_t kept = wire_id >> 16;
  if ((wire_id & 0xff) != kTopKFamily || values == nullptr || kept < 1 || kept > kTopKMost)
    return nullptr;
  return top_k(*values, kept);
}

}  // namespace

double bits_per_value(const Codec& codec) {
  constexpr std::size_t kMany = std::size_t{1} << 30;
  return 8.0 * static_cast<double>(codec.encoded_bytes(kMany)) / static_cast<double>(kMany);
}

std::vector<std::string_view> codec_names() {
  std::vector<std::string_view> names;
  for (const Codec* codec : codecs()) names.push_back(codec->name());
  return names;
}

Result<const Codec*> find_codec(std::string_view name) {
  if (const Codec* codec = find_fixed(name)) return codec;
  if (name.starts_with(kTopKPrefix))
    if (Result<const Codec*> codec = find_top_k(name); !codec.ok() || *codec != nullptr)
      return codec;
  return Status(Code::kNotFound,
                fmt::format("there is no codec '{}'; choose one of {}, or top-k-K (the K largest "
                            "of each {} values, in fp32) or top-k-K-CODEC with one of them",
                            name, fmt::join(codec_names(), ", "), kTopKChunk));
}

Result<const Codec*> find_codec(std::uint32_t wire_id) {
  if (const Codec* codec = find_fixed(wire_id)) return codec;
  if (const Codec* codec = find_top_k(wire_id)) return codec;
  std::vector<std::string> known;
  for (const Codec* codec : codecs())
    known.push_back(fmt::format("{} ({})", codec->wire_id(), codec->name()));
  return Status(Code::kNotFound,
                fmt::format("codec id {} is unknown, known are {}, and {} + (one of them << 8) + "
                            "(K << 16) (top-k-K, 1 <= K <= {}); the peer probably runs a newer "
                            "version of Outrigger: install the same one everywhere",
                            wire_id, fmt::join(known, ", "), kTopKFamily, kTopKMost));
}

}  // namespace outrigger
