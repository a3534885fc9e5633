#pragma once

#include <outrigger/comm/codec/cuda/coders.h>
#include <outrigger/comm/codec/delta.h>
#include <outrigger/comm/codec/non_finite.h>
#include <outrigger/comm/codec/scalar/packed.h>

// A fragment's parts, each of which a team works on (team.h). A codec's format says how:
//
//   Scratch                             the team's common memory
//   kPart                               the values of a part: the codec's block
//   part_bytes(elements)                of a part with so many values
//   encode(team, scratch, part, ...)    called by all members, outside of phases
//   decode(team, scratch, part, ...)
namespace outrigger::cuda {

// Where an encoder takes value i from.
struct FromValues {
  const float* values;
  constexpr float operator()(std::size_t i) const { return values[i]; }
};
struct FromDelta {
  const float* global;
  const float* local;
  const float* residual;
  float decay;
  constexpr float operator()(std::size_t i) const {
    return fed_back_delta(global[i], local[i], residual[i], decay);
  }
};

template <class Fill>
struct EncodeArguments {
  Fill fill;
  std::size_t elements;
  Rounding rounding;
  std::byte* out;
  float* lost;                // null: not asked for
  std::uint32_t* not_finite;  // becomes 1 if a value is not finite
};

struct DecodeArguments {
  const std::byte* in;
  std::size_t elements;
  float* values;
  std::uint32_t* refused;  // becomes 1 if no encoder writes such bytes
};

template <std::size_t kBits>
constexpr std::uint32_t read_code(const std::byte* codes, std::size_t i) {
  if constexpr (kBits == 32)
    return load_little_endian<std::uint32_t>(codes + 4 * i);
  else if constexpr (kBits == 16)
    return load_little_endian<std::uint16_t>(codes + 2 * i);
  else
    return scalar::code_at(codes, i, kBits);
}

// out <- the codes' bytes; those that several codes share are written by one member.
template <std::size_t kBits, class Team, class Code>
constexpr void write_codes(const Team& team, std::size_t count, std::byte* out, Code code) {
  team.each([=](std::size_t rank) {
    if constexpr (kBits >= 8) {
      for (std::size_t i = rank; i < count; i += team.size()) {
        store_low_bytes(code(i), kBits / 8, out + i * kBits / 8);
      }
    } else {
      constexpr std::size_t kCodes = 8 / kBits;
      for (std::size_t at = rank; at < scalar::packed_bytes(count, kBits); at += team.size()) {
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < kCodes && at * kCodes + k < count; ++k)
          bits |= code(at * kCodes + k) << k * kBits;
        out[at] = static_cast<std::byte>(bits);
      }
    }
  });
}

// Of value(0), ..., each of which is asked for once.
template <class Team, class Value>
constexpr Magnitudes largest_of(const Team& team, Reduced<Magnitudes>& reduced, std::size_t count,
                                Value value) {
  return reduce(
      team, reduced, count, Magnitudes{0, 0},
      [=](std::size_t i) {
        const std::int32_t bits = magnitude_bits(value(i));
        return Magnitudes{bits, bits < kInfinityBits ? bits : 0};
      },
      [](const Magnitudes& a, const Magnitudes& b) {
        return Magnitudes{std::max(a.all, b.all), std::max(a.finite, b.finite)};
      });
}

template <class Team>
constexpr void raise_if(const Team& team, bool raised, std::uint32_t* flag) {
  team.each([=](std::size_t rank) {
    if (rank == 0 && raised) *flag = 1;
  });
}

// Returns whether the values fill(0), ... were all finite; scratch.values are those encoded.
template <class Coder, class Team, class Fill>
constexpr bool encode_block(const Team& team, Scratch& scratch, std::size_t count, const Fill& fill,
                            const Rounding& rounding, std::byte* out) {
  const Magnitudes largest =
      largest_of(team, scratch.magnitudes, count,
                 [=, &scratch](std::size_t i) { return scratch.filled[i] = fill(i); });
  team.each([=, &scratch](std::size_t rank) {
    const float infinity = Coder::infinity(std::bit_cast<float>(largest.finite));
    for (std::size_t i = rank; i < count; i += team.size())
      scratch.values[i] = finite_stand_in(scratch.filled[i], infinity);
  });
  const Coder coder = Coder::of(team, scratch, count, largest.finite);
  const std::uint32_t key = noise_key(rounding);
  const bool stochastic = rounding.stochastic;
  team.each([=](std::size_t rank) {
    if (rank == 0) coder.write_head(out);
  });
  write_codes<Coder::kBits>(team, count, out + Coder::kHeadBytes, [=, &scratch](std::size_t i) {
    const std::uint32_t bits = stochastic ? noise_bits(key, static_cast<std::uint32_t>(i)) : 0;
    return coder.code(scratch.values[i], Noise{stochastic, bits});
  });
  return largest.all < kInfinityBits;
}

// Calls take(i, value i), and returns whether an encoder can have written the bytes.
template <class Coder, class Team, class Take>
constexpr bool decode_block(const Team& team, Scratch& scratch, std::size_t count,
                            const std::byte* in, const Take& take) {
  Coder coder = {};
  const bool has_head = coder.read_head(in);
  const std::byte* codes = in + Coder::kHeadBytes;
  const bool refused = reduce(
      team, scratch.refused, count, false,
      [=](std::size_t i) {
        float value = 0;
        const bool good = coder.value_of(read_code<Coder::kBits>(codes, i), value);
        take(i, value);
        return !good;
      },
      [](bool a, bool b) { return a || b; });
  return has_head && !refused && scalar::rest_is_zero(codes, count, Coder::kBits);
}

// A codec whose parts are its blocks.
template <class Coder>
struct Blocks {
  using Scratch = cuda::Scratch;
  static constexpr std::size_t kPart = Coder::kBlock;

  constexpr std::size_t part_bytes(std::size_t elements) const {
    return Coder::kHeadBytes + scalar::packed_bytes(elements, Coder::kBits);
  }
  static constexpr std::size_t encoded_bytes(std::size_t elements) {
    const std::size_t rest = elements % kPart;
    return elements / kPart * Blocks().part_bytes(kPart) + (rest ? Blocks().part_bytes(rest) : 0);
  }

  template <class Team, class Fill>
  constexpr void encode(const Team& team, Scratch& scratch, std::size_t part,
                        const EncodeArguments<Fill>& arguments) const {
    const std::size_t begin = part * kPart;
    const std::size_t count = smaller(kPart, arguments.elements - begin);
    std::byte* const out = arguments.out + part * part_bytes(kPart);
    Rounding rounding = arguments.rounding;
    rounding.position += begin;
    const auto fill = [begin, from = arguments.fill](std::size_t i) { return from(begin + i); };
    const bool finite = encode_block<Coder>(team, scratch, count, fill, rounding, out);
    if (arguments.lost != nullptr)
      (void)decode_block<Coder>(
          team, scratch, count, out,
          [lost = arguments.lost + begin, &scratch](std::size_t i, float value) {
            lost[i] = scratch.values[i] - value;
          });
    raise_if(team, !finite, arguments.not_finite);
  }

  template <class Team>
  constexpr void decode(const Team& team, Scratch& scratch, std::size_t part,
                        const DecodeArguments& arguments) const {
    const std::size_t begin = part * kPart;
    const std::size_t count = smaller(kPart, arguments.elements - begin);
    const bool good = decode_block<Coder>(
        team, scratch, count, arguments.in + part * part_bytes(kPart),
        [values = arguments.values + begin](std::size_t i, float value) { values[i] = value; });
    raise_if(team, !good, arguments.refused);
  }
};

template <class Format>
constexpr std::size_t parts_of(const Format&, std::size_t elements) {
  return elements / Format::kPart + (elements % Format::kPart != 0);
}

}  // namespace outrigger::cuda
