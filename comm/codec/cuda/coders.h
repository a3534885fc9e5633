#pragma once

#include <bit>
#include <cfloat>
#include <cmath>

#include <outrigger/comm/codec/bf16.h>
#include <outrigger/comm/codec/cuda/team.h>
#include <outrigger/comm/codec/fp16.h>
#include <outrigger/comm/codec/fp4_e3m0.h>
#include <outrigger/comm/codec/int4.h>
#include <outrigger/comm/codec/int8.h>
#include <outrigger/comm/codec/little_endian.h>
#include <outrigger/comm/codec/noise.h>
#include <outrigger/comm/codec/sign.h>
#include <outrigger/comm/codec/two_bit.h>
#include <outrigger/comm/codec/two_bit_linear.h>

// One struct a codec: a block's head, and how a value becomes a code under it. The arithmetic is
// that of the codec's header.
//
//   of(team, scratch, count, largest)  the head of scratch.values, whose largest magnitude has
//                                      those bits; called by all members, outside of phases
//   write_head(out), read_head(in)     read: false if no encoder writes it
//   code(value, noise)                 kBits bits
//   value_of(code, value)              false if no encoder writes it under that head
//   infinity(largest)                  what stands in for Inf: see codec.h
namespace outrigger::cuda {

// The random bits of one value; used only where `stochastic`.
struct Noise {
  bool stochastic;
  std::uint32_t bits;
  constexpr float unit() const { return static_cast<float>(bits) * 0x1p-24F; }
};

struct NoHead {
  static constexpr std::size_t kHeadBytes = 0;
  static constexpr float infinity(float) { return FLT_MAX; }
  constexpr void write_head(std::byte*) const {}
  constexpr bool read_head(const std::byte*) { return true; }
};

struct Fp32Coder : NoHead {
  static constexpr std::uint32_t kWireId = 1;
  static constexpr std::size_t kBlock = 256, kBits = 32;
  template <class Team>
  static constexpr Fp32Coder of(const Team&, Scratch&, std::size_t, std::int32_t) {
    return {};
  }
  constexpr std::uint32_t code(float value, const Noise&) const { return float_bits(value); }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = std::bit_cast<float>(code);
    return magnitude_bits(value) < kInfinityBits;
  }
};

struct Bf16Coder : NoHead {
  static constexpr std::uint32_t kWireId = 2;
  static constexpr std::size_t kBlock = 256, kBits = 16;
  template <class Team>
  static constexpr Bf16Coder of(const Team&, Scratch&, std::size_t, std::int32_t) {
    return {};
  }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    return noise.stochastic ? random_bf16(value, noise.bits) : nearest_bf16(value);
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = from_bf16(static_cast<std::uint16_t>(code));
    return magnitude_bits(value) < kInfinityBits;
  }
};

struct Fp16Coder : NoHead {
  static constexpr std::uint32_t kWireId = 4;
  static constexpr std::size_t kBlock = Fp16Codec::kBlock, kBits = 16;
  template <class Team>
  static constexpr Fp16Coder of(const Team&, Scratch&, std::size_t, std::int32_t) {
    return {};
  }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    return fp16_bits(value, noise.stochastic, noise.bits);
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = from_fp16(static_cast<std::uint16_t>(code));
    return (code & 0x7fff) <= static_cast<std::uint32_t>(kLargestFp16);
  }
};

struct ScaleHead {
  static constexpr std::size_t kHeadBytes = 4;
  static constexpr float infinity(float largest) { return largest; }
  constexpr void write_head(std::byte* out) const { store_little_endian(scale, out); }
  // Whether an encoder writes such a scale.
  constexpr bool read_scale(const std::byte* in, float largest) {
    scale = load_little_endian<float>(in);
    return float_bits(scale) <= float_bits(largest);
  }
  float scale;
};

struct Int8Coder : ScaleHead {
  static constexpr std::uint32_t kWireId = 3;
  static constexpr std::size_t kBlock = 256, kBits = 8;
  template <class Team>
  static constexpr Int8Coder of(const Team&, Scratch&, std::size_t, std::int32_t largest) {
    return {int8_scale(std::bit_cast<float>(largest))};
  }
  constexpr bool read_head(const std::byte* in) { return read_scale(in, kInt8LargestScale); }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    if (scale == 0.0F) return 0;
    return static_cast<std::uint8_t>(int8_code(value / scale, noise.stochastic, noise.unit()));
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = static_cast<float>(static_cast<std::int8_t>(code)) * scale;
    return code != 0x80 && (scale != 0.0F || code == 0);
  }
};

struct Int4Coder : ScaleHead {
  static constexpr std::uint32_t kWireId = 5;
  static constexpr std::size_t kBlock = Int4Codec::kBlock, kBits = 4;
  template <class Team>
  static constexpr Int4Coder of(const Team&, Scratch&, std::size_t, std::int32_t largest) {
    return {symmetric_scale(std::bit_cast<float>(largest), 7)};
  }
  constexpr bool read_head(const std::byte* in) { return read_scale(in, kInt4LargestScale); }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    return scale == 0.0F ? 0 : int4_code(value / scale, noise.stochastic, noise.unit());
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = static_cast<float>(from_int4(code)) * scale;
    return code != 8 && (scale != 0.0F || code == 0);
  }
};

struct Fp4E3m0Coder : ScaleHead {
  static constexpr std::uint32_t kWireId = 6;
  static constexpr std::size_t kBlock = Fp4E3m0Codec::kBlock, kBits = 4;
  template <class Team>
  static constexpr Fp4E3m0Coder of(const Team&, Scratch&, std::size_t, std::int32_t largest) {
    return {std::bit_cast<float>(largest)};
  }
  constexpr bool read_head(const std::byte* in) {
    scale = load_little_endian<float>(in);
    return float_bits(scale) < 0x7f800000;
  }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    return scale == 0.0F ? 0 : e3m0_nibble(value, scale, noise.stochastic, noise.bits);
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = e3m0_value(code, scale);
    return code != 8 && (scale != 0.0F || code == 0);
  }
};

struct SignCoder : ScaleHead {
  static constexpr std::uint32_t kWireId = 9;
  static constexpr std::size_t kBlock = SignCodec::kBlock, kBits = 1;
  template <class Team>
  static constexpr SignCoder of(const Team& team, Scratch& s, std::size_t count,
                                std::int32_t largest) {
    const Unit unit = unit_of(largest);
    const float all = sum(team, s.sum, count,
                          [unit, &s](std::size_t i) { return std::fabs(s.values[i]) * unit.to; });
    return {sign_scale(all, count, std::bit_cast<float>(largest), unit)};
  }
  constexpr bool read_head(const std::byte* in) {
    scale = load_little_endian<float>(in);
    return is_sign_scale(scale);
  }
  constexpr std::uint32_t code(float value, const Noise&) const {
    return scale != 0.0F && value < 0;
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = code == 0 ? scale : -scale;
    return scale != 0.0F || code == 0;
  }
};

struct TwoBitCoder {
  static constexpr std::uint32_t kWireId = 7;
  static constexpr std::size_t kBlock = TwoBitCodec::kBlock, kBits = 2;
  static constexpr std::size_t kHeadBytes = kTwoBitLevelBytes;
  static constexpr float infinity(float largest) { return largest; }

  template <class Team>
  static constexpr TwoBitCoder of(const Team& team, Scratch& s, std::size_t count,
                                  std::int32_t largest) {
    const Unit unit = unit_of(largest);
    const float mean =
        sum(team, s.sum, count, [unit, &s](std::size_t i) { return s.values[i] * unit.to; }) /
        static_cast<float>(count);
    const float squares = sum(team, s.squares, count, [unit, mean, &s](std::size_t i) {
      const float distance = s.values[i] * unit.to - mean;
      return distance * distance;
    });
    TwoBitCoder coder = {unit.to, two_bit_borders(mean, squares, count), {}};
    coder.add_up_bins(team, s, count);
    for (std::size_t bin = 0; bin < 4; ++bin) {
      std::uint32_t members = 0;
      for (const std::uint32_t part : s.counts[bin]) members += part;
      coder.levels[bin] = from_bf16(two_bit_level(total(s.bins[bin]), members, unit.from));
    }
    return coder;
  }
  // A partial of a bin each, of the bins' 64.
  template <class Team>
  constexpr void add_up_bins(const Team& team, Scratch& s, std::size_t count) const {
    team.each([team, count, &s, coder = *this](std::size_t rank) {
      for (std::size_t task = rank; task < 4 * kPartials; task += team.size()) {
        const std::size_t bin = task / kPartials, lane = task % kPartials;
        float all = 0;
        std::uint32_t members = 0;
        for (std::size_t i = lane; i < count; i += kPartials) {
          const float value = s.values[i] * coder.to;
          if (two_bit_code(value, coder.borders) != bin) continue;
          all += value;
          ++members;
        }
        s.bins[bin][lane] = all;
        s.counts[bin][lane] = members;
      }
    });
  }
  constexpr void write_head(std::byte* out) const {
    for (std::size_t bin = 0; bin < 4; ++bin)
      store_little_endian(static_cast<std::uint16_t>(float_bits(levels[bin]) >> 16), out + 2 * bin);
  }
  constexpr bool read_head(const std::byte* in) { return read_two_bit_levels(in, levels); }
  constexpr std::uint32_t code(float value, const Noise&) const {
    return two_bit_code(value * to, borders);
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = levels[code];
    return true;
  }
  float to;
  std::array<float, 3> borders;
  std::array<float, 4> levels;
};

struct TwoBitLinearCoder {
  static constexpr std::uint32_t kWireId = 8;
  static constexpr std::size_t kBlock = TwoBitLinearCodec::kBlock, kBits = 2;
  static constexpr std::size_t kHeadBytes = kLinearEndBytes;
  static constexpr float infinity(float largest) { return largest; }

  template <class Team>
  static constexpr TwoBitLinearCoder of(const Team& team, Scratch& s, std::size_t count,
                                        std::int32_t largest) {
    const Ends ends = reduce(
        team, s.ends, count, Ends{FLT_MAX, -FLT_MAX},
        [&s](std::size_t i) {
          return Ends{s.values[i], s.values[i]};
        },
        [](const Ends& a, const Ends& b) {
          return Ends{std::min(a.lowest, b.lowest), std::max(a.highest, b.highest)};
        });
    const float lowest = ends.lowest + 0.0F, highest = ends.highest + 0.0F;  // -0 becomes +0
    const float unit = unit_of(largest).to;
    return {unit, static_cast<float>(linear_step(lowest, highest) * unit),
            linear_levels(lowest, highest)};
  }
  constexpr void write_head(std::byte* out) const {
    store_little_endian(levels[0], out);
    store_little_endian(levels[3], out + sizeof(float));
  }
  constexpr bool read_head(const std::byte* in) {
    const auto lowest = load_little_endian<float>(in), highest = load_little_endian<float>(in + 4);
    levels = linear_levels(lowest, highest);
    return are_linear_ends(lowest, highest);
  }
  constexpr std::uint32_t code(float value, const Noise& noise) const {
    if (levels[0] == levels[3]) return 0;
    return linear_code(value * unit, levels[0] * unit, step, noise.stochastic, noise.unit());
  }
  constexpr bool value_of(std::uint32_t code, float& value) const {
    value = levels[code];
    return levels[0] < levels[3] || code == 0;
  }
  float unit, step;
  std::array<float, 4> levels;
};

// Calls use(coder) with a coder of the codec's type; false if there is none.
template <class Use>
bool with_coder(std::uint32_t wire_id, Use use) {
  const auto among = [&]<class... Coders>(Coders... coders) {
    return ((wire_id == Coders::kWireId && (use(coders), true)) || ...);
  };
  return among(Fp32Coder{}, Bf16Coder{}, Int8Coder{}, Fp16Coder{}, Int4Coder{}, Fp4E3m0Coder{},
               TwoBitCoder{}, TwoBitLinearCoder{}, SignCoder{});
}

}  // namespace outrigger::cuda
