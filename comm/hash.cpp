#include <outrigger/comm/hash.h>

#include <fmt/format.h>
#if OUTRIGGER_XXH_DISPATCH
#include <xxh_x86dispatch.h>  // the same hashes, with the widest vectors that the machine has
#else
#include <xxhash.h>
#endif

#include <vector>

namespace outrigger {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

void append_big_endian(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

std::string Hash128::hex() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

std::string Hash128::bytes() const {
  std::string out;
  append_big_endian(high, out);
  append_big_endian(low, out);
  return out;
}

Hash128 Hash128::from_bytes(std::string_view bytes) {
  if (bytes.size() != 16) return {};
  return {big_endian(bytes.substr(0, 8)), big_endian(bytes.substr(8))};
}

Hash128 hash128(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

std::uint64_t hash64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 chain(const Hash128& previous, const Hash128& result) {
  const std::string both = previous.bytes() + result.bytes();
  return hash128(std::as_bytes(std::span(both)));
}

Hash128 hash_blocks(std::span<const std::byte> bytes) {
  std::string list;
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes)
    list += hash128(bytes.subspan(at, std::min(kBlockBytes, bytes.size() - at))).bytes();
  return hash128(std::as_bytes(std::span(list)));
}

}  // namespace outrigger
