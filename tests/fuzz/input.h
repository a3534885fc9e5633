#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/top_k.h>

// What the fuzz targets share. Each defines LLVMFuzzerTestOneInput, which libFuzzer calls with
// bytes of its making, and aborts where a promise is broken.
namespace outrigger::fuzz {

inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

// The codecs that are not composed, by wire id.
inline const std::vector<const Codec*>& fixed_codecs() {
  static const std::vector<const Codec*> all = [] {
    std::vector<const Codec*> found;
    for (std::uint32_t id = 0; id < 256; ++id)
      if (const Result<const Codec*> codec = find_codec(id); codec.ok()) found.push_back(*codec);
    return found;
  }();
  return all;
}

// The bytes of one run, read from the front; behind their end come zeros.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const std::byte*>(data), size) {}

  template <typename Number>
  Number take() {
    Number number = 0;
    const std::size_t length = std::min(sizeof number, rest_.size());
    if (length > 0) std::memcpy(&number, rest_.data(), length);
    rest_ = rest_.subspan(length);
    return number;
  }

  // u8: which fixed codec, counted from 0. u16: 0, or the K of top-k with values in that codec.
  const Codec& take_codec() {
    const Codec* codec = fixed_codecs()[take<std::uint8_t>() % fixed_codecs().size()];
    const std::uint32_t kept = take<std::uint16_t>() % kTopKChunk;
    return kept == 0 ? *codec : **find_codec(top_k_wire_id(*codec, kept));
  }

  // All that is left, cut or with zeros appended.
  std::vector<std::byte> take_rest(std::size_t length) {
    std::vector<std::byte> bytes(length);
    std::copy_n(rest_.begin(), std::min(length, rest_.size()), bytes.begin());
    return bytes;
  }

  std::span<const std::byte> rest() const { return rest_; }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace outrigger::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
