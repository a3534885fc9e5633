#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace outrigger {

// The wire is little-endian and so is every machine that Outrigger runs on: a copy is enough.
static_assert(std::endian::native == std::endian::little,
              "the codecs assume a little-endian machine");

template <typename Number>
Number load_little_endian(const std::byte* from) {
  Number value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename Number>
void store_little_endian(Number value, std::byte* to) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace outrigger
