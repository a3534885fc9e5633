#include "support/catch.h"

#include <hwy/targets.h>

#include <cfloat>
#include <limits>

#include "comm/codec/kernel_list.h"
#include "comm/codec/samples.h"

#include <outrigger/comm/codec/kernels.h>

namespace outrigger::simd_test {
namespace {

// Blocks as training has them, of any finite bits, of the ends of the range, of zeros, with NaN.
std::vector<std::vector<float>> blocks(std::size_t count) {
  std::vector<std::vector<float>> all;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    all.push_back(samples::deltas(count, seed));
    all.push_back(samples::any_finite(count, seed));
    std::vector<float> small = samples::deltas(count, seed);
    for (float& value : small) value *= std::ldexp(1.0F, -static_cast<int>(100 + seed));
    all.push_back(small);
    std::vector<float> few(count, seed % 2 == 0 ? 0.0F : -0.0F);
    if (seed > 1 && count > 0) few[seed % count] = seed % 3 == 0 ? FLT_MAX : -FLT_TRUE_MIN;
    all.push_back(few);
    std::vector<float> ties(count);
    for (std::size_t i = 0; i < count; ++i)
      ties[i] = static_cast<float>(static_cast<int>(i % 511) - 255) * 0.5F;
    all.push_back(ties);
    if (count == 0) continue;
    all.push_back(samples::deltas(count, seed));
    all.back()[seed * 7 % count] = seed % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                                 : -std::numeric_limits<float>::infinity();
  }
  return all;
}

// Bytes that the encoder wrote, and the same with a byte changed.
std::vector<samples::Bytes> payloads(const Kernels& kernel, const std::vector<float>& values) {
  samples::Bytes bytes(kernel.codec.encoded_bytes(values.size()));
  (void)kernel.codec.encode_block(values, bytes);
  std::vector<samples::Bytes> all = {bytes};
  std::mt19937_64 random(values.size());
  for (std::size_t k = 0; k < 4 && !bytes.empty(); ++k) {
    all.push_back(bytes);
    all.back()[random() % bytes.size()] = static_cast<std::byte>(random());
    all.push_back(bytes);
    all.back()[k % bytes.size()] ^= std::byte{0x80};
  }
  return all;
}

void check_encode(const Kernels& kernel, const std::vector<float>& values) {
  for (const Rounding& rounding : {Rounding{}, Rounding{true, 5, 4096}}) {
    samples::Bytes expected(kernel.codec.encoded_bytes(values.size())), got = expected;
    const bool finite = kernel.encode(values, expected.data(), rounding);
    REQUIRE(kernel.simd_encode(values, got.data(), rounding) == finite);
    if (finite) REQUIRE((got == expected));
  }
}

void check_decode(const Kernels& kernel, const samples::Bytes& bytes, std::size_t count) {
  std::vector<float> expected(count), got(count);
  const bool valid = kernel.decode(bytes.data(), expected);
  REQUIRE(kernel.simd_decode(bytes.data(), got) == valid);
  if (valid) REQUIRE((samples::bits(got) == samples::bits(expected)));
}

}  // namespace

void check_select(const std::vector<float>& values, std::size_t kept) {
  std::vector<std::uint16_t> expected(kept), got(kept);
  const bool finite = scalar::select_top_k(values, expected);
  REQUIRE(simd::select_top_k(values, got) == finite);
  if (finite) REQUIRE(got == expected);
}

// Calls check() once for every set of instructions of this machine.
template <typename Check>
void on_every_target(Check check) {
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    hwy::SetSupportedTargetsForTest(target);
    INFO(hwy::TargetName(static_cast<std::uint32_t>(target)));
    if ((target & HWY_TARGETS) != 0)  // not all that the machine has was compiled
      CHECK(simd::target_name() == hwy::TargetName(target));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

// Mutation: Floor becomes Round in EncodeInt8; a `+ 1` on the index in simd/noise-inl.h;
// scaled_sum returns unscaled * to for every `to`; TargetName returns the name of
// HWY_STATIC_TARGET.
TEST_CASE("simd: on every set of instructions the kernels give the reference's bits") {
  on_every_target([] {
    for (const Kernels& kernel : kernels()) {
      INFO(kernel.codec.name());
      const std::size_t whole = kernel.codec.block_elements();
      for (const std::size_t count :
           {whole, whole - 1, whole / 2 + 1, std::size_t{48}, std::size_t{1}})
        for (const std::vector<float>& values : blocks(count)) {
          check_encode(kernel, values);
          for (const samples::Bytes& bytes : payloads(kernel, values))
            check_decode(kernel, bytes, count);
        }
    }
  });
}

// Mutation: `bound` instead of `bound - 1` in count_from or in bits_from; `<< 8 * i` instead of
// `<< i` in bits_from.
TEST_CASE("simd: on every set of instructions the reference's values are kept") {
  on_every_target([] {
    for (const std::size_t count : {std::size_t{4096}, std::size_t{4095}, std::size_t{70}})
      for (const std::vector<float>& values : blocks(count))
        for (const std::size_t kept : {1, 64, 1500, 4095})
          check_select(values, std::min(kept, count));
  });
}

}  // namespace outrigger::simd_test
