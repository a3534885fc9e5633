#include <outrigger/framework/bench/codec_passes.h>

#include <algorithm>
#include <cmath>

#include "support/catch.h"

namespace outrigger {
namespace codec_passes_test {

using View = CodecPasses::View;

const Codec& codec(std::string_view name) {
  return **find_codec(name);
}

std::vector<float> decoded(const Codec& from, std::span<const std::byte> bytes, std::size_t count) {
  std::vector<float> values;
  throw_if_error(decode_each(from, bytes, count, [&](std::size_t, std::span<const float> block) {
    values.insert(values.end(), block.begin(), block.end());
  }));
  return values;
}

template <class T>
std::vector<T> copy_of(std::span<const T> values) {
  return {values.begin(), values.end()};
}

// Of the values where the two differ.
template <class Expected>
std::size_t wrong(std::span<const float> got, Expected expected) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < got.size(); ++i) count += got[i] != expected(i);
  return count;
}

// A stretch and a tensor, then two blocks of the driver and a short one.
constexpr std::size_t kCount = (std::size_t{1} << 20) + 9000;

}  // namespace codec_passes_test
using namespace codec_passes_test;

// Mutation: encode() without the residual; with lost left out of the options.
TEST_CASE("bench codec: the encode pass adds the decayed residual and writes the new one") {
  CodecPasses passes(kCount, 1);
  passes.start(codec("int8"));
  passes.encode();
  const View view = passes.view();
  CHECK(std::ranges::any_of(view.residual, [](float value) { return value != 0; }));
  const std::vector<float> sent = decoded(codec("int8"), view.first, kCount);
  CHECK(wrong(view.next, [&](std::size_t i) {
          const float value = view.global[i] - view.local[i] + 0.9F * view.residual[i];
          return value - sent[i];
        }) == 0);
}

// Mutation: aggregate() averages the first contribution with itself.
TEST_CASE("bench codec: the aggregate pass encodes the mean of the two contributions") {
  CodecPasses passes(kCount, 1);
  passes.start(codec("bf16"));
  passes.aggregate();
  const std::vector<float> first = decoded(codec("bf16"), passes.view().first, kCount);
  const std::vector<float> second = decoded(codec("bf16"), passes.view().second, kCount);
  CHECK(first != second);
  const std::vector<float> got = decoded(codec("bf16"), passes.view().result, kCount);
  CHECK(wrong(got, [&](std::size_t i) {
          const float mean = (first[i] + second[i]) / 2.0F;
          std::byte bytes[2];
          float rounded = 0;
          (void)codec("bf16").encode_block({&mean, 1}, bytes);
          throw_if_error(codec("bf16").decode_block(bytes, {&rounded, 1}));
          return rounded;
        }) == 0);
}

// Mutation: decode() mixes with the global values from before the step (`before` for `global`); it
// hands decode_stretch (0, end).
TEST_CASE("bench codec: the decode pass takes the outer step and merges") {
  CodecPasses passes(kCount, 1);
  passes.start(codec("int8"));
  passes.aggregate();
  const View view = passes.view();
  const std::vector<float> global = copy_of(view.global), local = copy_of(view.local),
                           momentum = copy_of(view.momentum);
  const std::vector<float> g = decoded(codec("int8"), view.result, kCount);
  passes.decode();
  CHECK(wrong(view.momentum, [&](std::size_t i) { return 0.9F * momentum[i] + g[i]; }) == 0);
  CHECK(wrong(view.global, [&](std::size_t i) {
          return global[i] - 0.7F * (g[i] + 0.9F * view.momentum[i]);
        }) == 0);
  CHECK(wrong(view.local, [&](std::size_t i) { return 0.5F * local[i] + 0.5F * view.global[i]; }) ==
        0);
}

// Mutation: encode_alone() encodes the residual.
TEST_CASE("bench codec: the codec alone encodes values as they lie in memory") {
  CodecPasses passes(kCount, 1);
  passes.start(codec("fp32"));
  passes.encode_alone();
  const std::vector<float> got = decoded(codec("fp32"), passes.view().result, kCount);
  CHECK(wrong(got, [&](std::size_t i) { return passes.view().momentum[i]; }) == 0);
}

// Mutation: copy() leaves out what the division by the threads does (share = elements_ / threads_).
TEST_CASE("bench codec: the copy is of all values, for any number of threads") {
  for (const std::size_t threads : {1, 2, 7}) {
    CodecPasses passes(kCount, threads);
    passes.start(codec("fp32"));
    passes.copy();
    CHECK(std::ranges::equal(passes.view().next, passes.view().global));
  }
}

// Mutation: decode() works on elements_ / threads_ elements.
TEST_CASE("bench codec: threads change no value") {
  constexpr std::size_t kStretches = (std::size_t{5} << 19) + 77;
  const auto all = [](std::size_t threads) {
    CodecPasses passes(kStretches, threads);
    passes.start(codec("int8"));
    passes.aggregate();
    passes.decode();
    return std::tuple(copy_of(passes.view().global), copy_of(passes.view().local),
                      copy_of(passes.view().next), copy_of(passes.view().result));
  };
  CHECK((all(1) == all(2)));
}

// Mutation: start() without momentum_[i] = ...
TEST_CASE("bench codec: every codec starts from the same values") {
  CodecPasses passes(kCount, 1);
  passes.start(codec("int8"));
  const std::vector<float> global = copy_of(passes.view().global),
                           local = copy_of(passes.view().local),
                           momentum = copy_of(passes.view().momentum);
  passes.decode();
  passes.start(codec("bf16"));
  CHECK(std::ranges::equal(passes.view().global, global));
  CHECK(std::ranges::equal(passes.view().local, local));
  CHECK(std::ranges::equal(passes.view().momentum, momentum));
}

}  // namespace outrigger
