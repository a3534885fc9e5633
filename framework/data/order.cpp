#include <outrigger/framework/data/order.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace outrigger {
namespace {

constexpr std::uint64_t kFeistelRounds = 6;
// What an epoch's number is hashed for.
constexpr std::uint64_t kForOrder = 1;
constexpr std::uint64_t kForOffset = 2;

std::uint64_t combine(std::uint64_t hash, std::uint64_t value) {
  return mix64(hash ^ mix64(value));
}

std::uint64_t epoch_key(std::uint64_t seed, std::int64_t epoch, std::uint64_t purpose) {
  return combine(combine(mix64(seed), static_cast<std::uint64_t>(epoch)), purpose);
}

std::uint64_t feistel(std::uint64_t value, int half_bits, std::uint64_t key) {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits) - 1;
  std::uint64_t left = value >> half_bits;
  std::uint64_t right = value & mask;
  for (std::uint64_t round = 0; round < kFeistelRounds; ++round)
    left = std::exchange(right, left ^ (combine(key ^ round, right) & mask));
  return left << half_bits | right;
}

}  // namespace

std::uint64_t mix64(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

std::int64_t permute(std::int64_t index, std::int64_t size, std::uint64_t key) {
  const int bits = std::bit_width(static_cast<std::uint64_t>(size - 1));
  const int half_bits = std::max(1, (bits + 1) / 2);
  auto value = static_cast<std::uint64_t>(index);
  do {
    value = feistel(value, half_bits, key);
  } while (value >= static_cast<std::uint64_t>(size));
  return static_cast<std::int64_t>(value);
}

Result<SampleOrder> SampleOrder::create(TokenRange tokens, std::int64_t context,
                                        std::uint64_t seed) {
  if (context < 1 || tokens.size() < context + 1)
    return Status(
        Code::kInvalidArgument,
        fmt::format("{} tokens hold no window for a context of {}: at least {} are needed",
                    tokens.size(), context, context + 1));
  return SampleOrder(tokens, context, seed);
}

// One window fewer than fits leaves a whole context of play for the offset.
SampleOrder::SampleOrder(TokenRange tokens, std::int64_t context, std::uint64_t seed)
    : tokens_(tokens),
      context_(context),
      seed_(seed),
      windows_(std::max<std::int64_t>(1, (tokens.size() - 1) / context - 1)) {}

std::int64_t SampleOrder::offset(std::int64_t epoch) const {
  const std::int64_t play = tokens_.size() - 1 - windows_ * context_;
  return static_cast<std::int64_t>(epoch_key(seed_, epoch, kForOffset) %
                                   static_cast<std::uint64_t>(play + 1));
}

std::int64_t SampleOrder::position(std::int64_t sample) const {
  const std::int64_t e = epoch(sample);
  const std::int64_t window = permute(sample % windows_, windows_, epoch_key(seed_, e, kForOrder));
  return tokens_.begin + offset(e) + window * context_;
}

}  // namespace outrigger
