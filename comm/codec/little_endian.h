#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace outrigger {

// The wire is little-endian and so is every machine that Outrigger runs on: a copy is enough.
static_assert(std::endian::native == std::endian::little,
              "the codecs assume a little-endian machine");

template <typename Number>
constexpr Number load_little_endian(const std::byte* from) {
  std::array<std::byte, sizeof(Number)> bytes = {};
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes[i] = from[i];
  return std::bit_cast<Number>(bytes);
}

template <typename Number>
constexpr void store_little_endian(Number value, std::byte* to) {
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof(Number)>>(value);
  for (std::size_t i = 0; i < sizeof(Number); ++i) to[i] = bytes[i];
}

// The number's lowest `count` bytes alone.
constexpr std::uint32_t load_low_bytes(const std::byte* from, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i)
    number |= std::to_integer<std::uint32_t>(from[i]) << 8 * i;
  return number;
}

constexpr void store_low_bytes(std::uint32_t number, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::byte>(number >> 8 * i);
}

}  // namespace outrigger
