#pragma once

#include <cstdint>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/split.h>

namespace outrigger {

// A bijective hash of 64 bits: the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, OOPSLA 2014, section 5). The same on every machine.
std::uint64_t mix64(std::uint64_t value);

// A pseudo-random permutation of 0 .. size-1 that needs no table: a balanced Feistel network of 6
// rounds over the smallest even number of bits that holds size - 1, repeated until the value falls
// below size
// ("cycle walking"; Black and Rogaway: Ciphers with Arbitrary Finite Domains, CT-RSA 2002, method
// 2). Fewer than 4 passes on average. The round function is mix64. REQUIRES: 0 <= index < size.
std::int64_t permute(std::int64_t index, std::int64_t size, std::uint64_t key);

// Sample index -> where its window of context + 1 tokens starts, a pure function of the numbers
// here.
//
// Samples n e .. n (e+1) - 1 are epoch e's: one pass over n = windows() windows in an order of that
// epoch's own. Neighbouring windows share one token, the last target and first input, so that no
// token is predicted twice in an epoch. Each epoch shifts all windows by a seeded offset, so that
// the cuts fall elsewhere; up to 2 context - 1 tokens at the ends are left out of an epoch.
class SampleOrder {
 public:
  // InvalidArgument when `tokens` is too short for one window.
  static Result<SampleOrder> create(TokenRange tokens, std::int64_t context, std::uint64_t seed);

  std::int64_t windows() const { return windows_; }  // per epoch
  std::int64_t epoch(std::int64_t sample) const { return sample / windows_; }
  std::int64_t offset(std::int64_t epoch) const;     // of the epoch, in tokens
  std::int64_t position(std::int64_t sample) const;  // REQUIRES: sample >= 0

 private:
  SampleOrder(TokenRange tokens, std::int64_t context, std::uint64_t seed);

  TokenRange tokens_;
  std::int64_t context_;
  std::uint64_t seed_;
  std::int64_t windows_;
};

}  // namespace outrigger
