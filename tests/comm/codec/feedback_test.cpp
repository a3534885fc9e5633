#include "support/catch.h"

#include <limits>

#include "comm/codec/samples.h"

#include <outrigger/comm/buffer_pool.h>
#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/codec/stretch.h>

// What surrounds an encoding: what it lost, its threads, its random numbers, its buffers.
namespace outrigger::feedback_test {
namespace {

using samples::Bytes;

struct Encoded {
  Bytes bytes;
  std::vector<float> lost;
  bool finite = false;
};

Encoded encode(const Codec& codec, const std::vector<float>& values, EncodeOptions options,
               std::size_t lost) {
  Encoded encoded{Bytes(codec.encoded_bytes(values.size())), std::vector<float>(lost, 9.0F), false};
  options.lost = encoded.lost;
  encoded.finite = encode_each(
      codec, values.size(),
      [&](std::size_t offset, std::span<float> out) {
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      },
      encoded.bytes, options);
  return encoded;
}

}  // namespace

// Mutation: write_lost adds the decoded value; or leaves out the last value of a block.
TEST_CASE("encode_each: what was sent and what was lost add up to the value") {
  for (const std::string_view name : {"fp32", "bf16", "int8"})
    for (const std::size_t size : {1, 300, 4096, 4097, 12345}) {
      const Codec& codec = samples::codec(name);
      const std::vector<float> values = samples::deltas(size, size);
      const Encoded encoded = encode(codec, values, {}, size);
      const std::vector<float> sent = samples::decode_flat(codec, encoded.bytes, size);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < size; ++i) wrong += encoded.lost[i] != values[i] - sent[i];
      CHECK(encoded.finite);
      CHECK(wrong == 0);
    }
}

// Mutation: part_at ignores where the span ends (reads beyond it: a crash); the losses of a
// contribution that is not finite stay (9.0F or the stand-in's).
TEST_CASE("encode_each: losses end with their span, and are zero where a value is not finite") {
  const Codec& codec = samples::codec("int8");
  std::vector<float> values = samples::deltas(10000, 3);
  const Encoded all = encode(codec, values, {}, values.size());
  const Encoded part = encode(codec, values, {}, 5000);
  CHECK(std::equal(part.lost.begin(), part.lost.end(), all.lost.begin()));
  CHECK(part.bytes == all.bytes);
  values[9999] = std::numeric_limits<float>::infinity();
  const Encoded broken = encode(codec, values, {}, values.size());
  CHECK_FALSE(broken.finite);
  CHECK(std::count(broken.lost.begin(), broken.lost.end(), 0.0F) == 10000);
}

// Mutation: for_each_stretch takes `next` once and works on every other stretch; encode_each gives
// all blocks one position.
TEST_CASE("encode_each: any number of threads gives the bits of one") {
  const Codec& codec = samples::codec("int8");
  const std::vector<float> values = samples::deltas(3 * kStretch + 777, 5);
  for (const bool stochastic : {false, true}) {
    EncodeOptions options{{stochastic, 11, 0}, {}, 1};
    const Encoded one = encode(codec, values, options, values.size());
    for (const std::size_t threads : {2, 3, 8}) {
      options.threads = threads;
      const Encoded many = encode(codec, values, options, values.size());
      CHECK((many.bytes == one.bytes));
      CHECK((samples::bits(many.lost) == samples::bits(one.lost)));
    }
  }
}

// Mutation: encode_values leaves rounding.position as it is; noise_key ignores the seed.
TEST_CASE("encode_each: random rounding follows the seed and the value's place") {
  const Codec& codec = samples::codec("int8");
  const std::vector<float> values(8192, 0.3F);
  std::vector<float> with_end = values;
  for (std::size_t i = 0; i < with_end.size(); i += 256) with_end[i] = 100.0F;
  const auto bytes = [&](std::uint64_t seed, std::uint64_t position) {
    return encode(codec, with_end, {{true, seed, position}, {}, 1}, 0).bytes;
  };
  const Bytes here = bytes(1, 0);
  CHECK(here == bytes(1, 0));
  CHECK(here != bytes(2, 0));
  CHECK(here != bytes(1, 4096));
  // Another block rounds otherwise, and what comes later does as if it had been encoded alone.
  CHECK_FALSE(std::equal(here.begin(), here.begin() + 260, here.begin() + 260));
  const Bytes later = bytes(1, 4096);
  const auto half = static_cast<std::ptrdiff_t>(codec.encoded_bytes(4096));
  CHECK(std::equal(here.begin() + half, here.end(), later.begin()));
}

// Mutation: for_each_stretch returns the last failure; it does not rethrow.
TEST_CASE("for_each_stretch returns the first failure in the order of stretches") {
  for (const std::size_t threads : {1, 2}) {
    const Status status =
        for_each_stretch(4 * kStretch, threads, [](std::size_t begin, std::size_t) -> Status {
          if (begin == 0) return {};
          return {Code::kCorruption, std::to_string(begin / kStretch)};
        });
    CHECK(status.message() == "1");
  }
  for (const std::size_t threads : {1, 2})
    CHECK_THROWS_AS(for_each_stretch(4 * kStretch, threads,
                                     [](std::size_t begin, std::size_t) -> Status {
                                       if (begin > 0) throw std::bad_alloc();
                                       return {};
                                     }),
                    std::bad_alloc);
  CHECK(for_each_stretch(0, 2, [](auto, auto) { return Status(Code::kInternal, "called"); }).ok());
}

// Mutation: Free::pick takes the largest; the deleter does not put the buffer back.
TEST_CASE("a pool hands out the buffers that came back") {
  const BufferPool pool;
  const std::byte* small = nullptr;
  const std::byte* large = nullptr;
  {
    const auto a = pool.take(100), b = pool.take(10000);
    small = a->data();
    large = b->data();
    CHECK(small != large);
    CHECK(a->size() == 100);
  }
  const auto again = pool.take(90);
  CHECK(again->data() == small);
  CHECK(again->size() == 90);
  CHECK(pool.take(5000)->data() == large);
  std::shared_ptr<ByteBuffer> survivor;
  {
    const BufferPool brief;
    survivor = brief.take(8);
  }
  CHECK(survivor->size() == 8);
}

}  // namespace outrigger::feedback_test
