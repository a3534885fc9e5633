#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace outrigger {

// A 128-bit XXH3 hash. It finds differences, it does not resist an attacker.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  std::string hex() const;                    // 32 digits
  std::string bytes() const;                  // 16 bytes, big-endian: how it travels in a message
  static Hash128 from_bytes(std::string_view bytes);  // zero hash unless it has 16 bytes
};

Hash128 hash128(std::span<const std::byte> bytes);
std::uint64_t hash64(std::span<const std::byte> bytes);

// The hash of a fragment's history: `previous` is the chain before this round, `result` the hash of the
// round's result bytes (shared/protocol.md, rule 8).
Hash128 chain(const Hash128& previous, const Hash128& result);

// The hash of a large state: XXH3 of each 1 MiB block, then of the list of those hashes, so that the same
// value can be computed by several threads or on a GPU.
Hash128 hash_blocks(std::span<const std::byte> bytes);

}  // namespace outrigger
