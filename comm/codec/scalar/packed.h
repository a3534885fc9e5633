#pragma once

#include <cstddef>

namespace outrigger::scalar {

// Codes of 1, 2 or 4 bits, the first in the low bits of the first byte.

constexpr std::size_t packed_bytes(std::size_t count, std::size_t bits) {
  return (count * bits + 7) / 8;
}

// REQUIRES: the place of code i is 0 as yet.
constexpr void put_code(std::byte* packed, std::size_t i, std::size_t bits, unsigned code) {
  packed[i * bits / 8] |= static_cast<std::byte>(code << (i * bits % 8));
}

constexpr unsigned code_at(const std::byte* packed, std::size_t i, std::size_t bits) {
  const auto byte = std::to_integer<unsigned>(packed[i * bits / 8]);
  return (byte >> (i * bits % 8)) & ((1U << bits) - 1);
}

// Whether the bits of the last byte behind the last code are 0.
constexpr bool rest_is_zero(const std::byte* packed, std::size_t count, std::size_t bits) {
  const std::size_t used = count * bits % 8;
  return used == 0 || std::to_integer<unsigned>(packed[count * bits / 8]) >> used == 0;
}

}  // namespace outrigger::scalar
