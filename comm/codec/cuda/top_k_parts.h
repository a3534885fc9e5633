#pragma once

#include <outrigger/comm/codec/cuda/parts.h>
#include <outrigger/comm/codec/top_k.h>

namespace outrigger::cuda {

// Top-k, whose parts are its chunks; the kept values are Coder's.
template <class Coder>
struct TopK {
  struct Scratch {
    std::array<float, kTopKChunk> values;
    std::array<std::uint16_t, kTopKChunk> indices;  // of those that are kept
    Reduced<Magnitudes> magnitudes;
    Reduced<std::uint32_t> reached;
    Reduced<bool> refused;
    std::array<std::uint32_t, kMostMembers> larger, equal;  // to the threshold, of each member's
    cuda::Scratch block;
  };
  static constexpr std::size_t kPart = kTopKChunk;
  std::size_t kept;  // of a whole chunk

  constexpr std::size_t part_bytes(std::size_t elements) const {
    const std::size_t count = top_k_kept(kept, elements);
    return top_k_index_bytes(count) + Blocks<Coder>::encoded_bytes(count);
  }

  template <class Team, class Fill>
  constexpr void encode(const Team& team, Scratch& s, std::size_t part,
                        const EncodeArguments<Fill>& arguments) const {
    const std::size_t begin = part * kPart;
    const std::size_t count = smaller(kPart, arguments.elements - begin);
    std::byte* const out = arguments.out + part * part_bytes(kPart);
    const bool finite = fill(team, s, begin, count, arguments.fill);
    const std::size_t chosen = top_k_kept(kept, count);
    select(team, s, count, chosen);
    team.each([=, &s](std::size_t rank) {
      for (std::size_t i = 2 * rank; i < chosen; i += 2 * team.size())
        pack_index_pair(s.indices.data(), i, chosen, out);
    });
    Rounding rounding = arguments.rounding;
    rounding.position += begin;
    encode_chosen(team, s, chosen, rounding, out + top_k_index_bytes(chosen));
    if (arguments.lost != nullptr)
      write_lost(team, s, count, chosen, out + top_k_index_bytes(chosen), arguments.lost + begin);
    raise_if(team, !finite, arguments.not_finite);
  }

  template <class Team>
  constexpr void decode(const Team& team, Scratch& s, std::size_t part,
                        const DecodeArguments& arguments) const {
    const std::size_t begin = part * kPart;
    const std::size_t count = smaller(kPart, arguments.elements - begin);
    const std::byte* const in = arguments.in + part * part_bytes(kPart);
    const std::size_t chosen = top_k_kept(kept, count);
    bool good = read_indices(team, s, count, chosen, in);
    if (good) {
      team.each([=, &s](std::size_t rank) {
        for (std::size_t i = rank; i < count; i += team.size()) s.values[i] = 0;
      });
      good = decode_chosen(team, s, chosen, in + top_k_index_bytes(chosen),
                           [&s](std::size_t i, float value) { s.values[i] = value; });
      write_values(team, s, count, arguments.values + begin);
    }
    raise_if(team, !good, arguments.refused);
  }

 private:
  // s.values <- the chunk's, finite; returns whether they were.
  template <class Team, class Fill>
  static constexpr bool fill(const Team& team, Scratch& s, std::size_t begin, std::size_t count,
                             const Fill& from) {
    const Magnitudes largest = largest_of(team, s.magnitudes, count, [=, &s](std::size_t i) {
      return s.values[i] = from(begin + i);
    });
    team.each([=, &s](std::size_t rank) {
      const float infinity = std::bit_cast<float>(largest.finite);
      for (std::size_t i = rank; i < count; i += team.size())
        s.values[i] = finite_stand_in(s.values[i], infinity);
    });
    return largest.all < kInfinityBits;
  }

  // s.indices <- those of the `chosen` largest magnitudes; of equal ones the lower.
  template <class Team>
  static constexpr void select(const Team& team, Scratch& s, std::size_t count,
                               std::size_t chosen) {
    const std::int32_t threshold = smallest_chosen(team, s, count, chosen);
    const std::size_t share = (count + team.size() - 1) / team.size();
    team.each([=, &s](std::size_t rank) {
      s.larger[rank] = s.equal[rank] = 0;
      for (std::size_t i = rank * share; i < smaller(count, (rank + 1) * share); ++i) {
        s.larger[rank] += magnitude_bits(s.values[i]) > threshold;
        s.equal[rank] += magnitude_bits(s.values[i]) == threshold;
      }
    });
    team.each([=, &s](std::size_t rank) {
      std::size_t larger = 0, equal = 0, all_larger = 0;  // the first two: in shares before
      for (std::size_t member = 0; member < team.size(); ++member) {
        if (member < rank) larger += s.larger[member];
        if (member < rank) equal += s.equal[member];
        all_larger += s.larger[member];
      }
      const std::size_t wanted = chosen - all_larger;  // of the equal ones
      for (std::size_t i = rank * share; i < smaller(count, (rank + 1) * share); ++i) {
        const std::int32_t magnitude = magnitude_bits(s.values[i]);
        const std::size_t place = larger + smaller(equal, wanted);
        if (magnitude > threshold || (magnitude == threshold && equal < wanted))
          s.indices[place] = static_cast<std::uint16_t>(i);
        larger += magnitude > threshold;
        equal += magnitude == threshold;
      }
    });
  }

  // The magnitude that `chosen` values reach, and fewer go beyond: bit by bit from the highest.
  template <class Team>
  static constexpr std::int32_t smallest_chosen(const Team& team, Scratch& s, std::size_t count,
                                                std::size_t chosen) {
    std::int32_t threshold = 0;
    for (std::int32_t bit = 1 << 30; bit > 0; bit >>= 1) {
      const std::int32_t higher = threshold | bit;
      const std::uint32_t reached = reduce(
          team, s.reached, count, 0U,
          [=, &s](std::size_t i) { return magnitude_bits(s.values[i]) >= higher ? 1U : 0U; },
          [](std::uint32_t a, std::uint32_t b) { return a + b; });
      if (reached >= chosen) threshold = higher;
    }
    return threshold;
  }

  template <class Team>
  static constexpr void encode_chosen(const Team& team, Scratch& s, std::size_t chosen,
                                      Rounding rounding, std::byte* out) {
    for (std::size_t first = 0; first < chosen; first += Coder::kBlock) {
      const std::size_t count = smaller(Coder::kBlock, chosen - first);
      const auto value = [=, &s](std::size_t i) { return s.values[s.indices[first + i]]; };
      (void)encode_block<Coder>(team, s.block, count, value, rounding, out);
      out += Blocks<Coder>::encoded_bytes(count);
      rounding.position += count;
    }
  }

  // Calls take(index, value); returns whether an encoder can have written the bytes.
  template <class Team, class Take>
  static constexpr bool decode_chosen(const Team& team, Scratch& s, std::size_t chosen,
                                      const std::byte* in, const Take& take) {
    bool good = true;
    for (std::size_t first = 0; first < chosen; first += Coder::kBlock) {
      const std::size_t count = smaller(Coder::kBlock, chosen - first);
      good &= decode_block<Coder>(team, s.block, count, in, [=, &s](std::size_t i, float value) {
        take(s.indices[first + i], value);
      });
      in += Blocks<Coder>::encoded_bytes(count);
    }
    return good;
  }

  template <class Team>
  static constexpr void write_lost(const Team& team, Scratch& s, std::size_t count,
                                   std::size_t chosen, const std::byte* encoded, float* lost) {
    (void)decode_chosen(team, s, chosen, encoded,
                        [&s](std::size_t i, float value) { s.values[i] -= value; });
    write_values(team, s, count, lost);
  }

  template <class Team>
  static constexpr void write_values(const Team& team, const Scratch& s, std::size_t count,
                                     float* out) {
    team.each([=, &s](std::size_t rank) {
      for (std::size_t i = rank; i < count; i += team.size()) out[i] = s.values[i];
    });
  }

  // s.indices <- the packed ones; returns whether an encoder can have written them.
  template <class Team>
  static constexpr bool read_indices(const Team& team, Scratch& s, std::size_t count,
                                     std::size_t chosen, const std::byte* packed) {
    team.each([=, &s](std::size_t rank) {
      for (std::size_t i = 2 * rank; i < chosen; i += 2 * team.size())
        unpack_index_pair(packed, i, chosen, s.indices.data());
    });
    return !reduce(
        team, s.refused, chosen, false,
        [=, &s](std::size_t i) {
          return s.indices[i] >= (i + 1 < chosen ? s.indices[i + 1] : count);
        },
        [](bool a, bool b) { return a || b; });
  }
};

// Calls use(format) for the codec's Blocks or TopK; false if there is neither.
template <class Use>
bool with_format(std::uint32_t wire_id, Use use) {
  const bool top_k = (wire_id & 0xff) == kTopKFamily;
  return with_coder(top_k ? wire_id >> 8 & 0xff : wire_id, [&]<class Coder>(Coder) {
    if (top_k)
      use(TopK<Coder>{wire_id >> 16});
    else
      use(Blocks<Coder>());
  });
}

}  // namespace outrigger::cuda
