#include "support/catch.h"

#include <fmt/format.h>

#include <thread>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/codec.h>

namespace outrigger {

// Mutation: Bf16Codec::wire_id() returns 12.
TEST_CASE("a codec is found by its name and by its wire id, which never changes") {
  const std::pair<const char*, std::uint32_t> known[] = {
      {"fp32", 1},     {"bf16", 2},  {"int8", 3},         {"fp16", 4}, {"int4", 5},
      {"fp4-e3m0", 6}, {"2-bit", 7}, {"2-bit-linear", 8}, {"sign", 9}};
  for (const auto& [name, id] : known) {
    const Result<const Codec*> by_name = find_codec(std::string_view(name));
    REQUIRE(by_name.ok());
    CHECK((*by_name)->name() == name);
    CHECK((*by_name)->wire_id() == id);
    const Result<const Codec*> by_id = find_codec(id);
    REQUIRE(by_id.ok());
    CHECK(*by_id == *by_name);
  }
}

// Mutation: codec_names returns the names but the last.
TEST_CASE("every codec that there is has its name in the list") {
  for (const std::string_view name : codec_names()) CHECK(find_codec(name).ok());
  const std::vector<std::string_view> names = codec_names();
  for (std::uint32_t id = 1; id < 256; ++id)
    if (const Result<const Codec*> codec = find_codec(id); codec.ok())
      CHECK(std::ranges::count(names, (*codec)->name()) == 1);
  for (const std::string_view name : names) CHECK(find_codec(name).ok());
}

// Mutation: the message of find_codec(name) without the list of names.
TEST_CASE("an unknown codec name is refused with the choices") {
  for (const std::string_view name : {"int9", "", "INT8", "fp32 "}) {
    const Status status = find_codec(name).status();
    CHECK(status.code() == Code::kNotFound);
    CHECK(samples::contains(status.message(), "fp32, bf16, int8"));
    CHECK(samples::contains(status.message(), "top-k-K-CODEC"));
    CHECK(samples::contains(status.message(), fmt::format("'{}'", name)));
  }
}

// Mutation: the message of find_codec(wire_id) without the known ids.
TEST_CASE("an unknown wire id is refused with the known ones and the likely cause") {
  for (int id = 0; id < 256; ++id) {
    if (id >= 1 && id <= 9) continue;
    const Status status = find_codec(static_cast<std::uint32_t>(id)).status();
    CHECK(status.code() == Code::kNotFound);
    CHECK(samples::contains(status.message(), "1 (fp32), 2 (bf16), 3 (int8)"));
    CHECK(samples::contains(status.message(), "newer"));
  }
}

// Mutation: top_k_wire_id without `<< 8`; make_unique in top_k() whether or not there is one.
TEST_CASE("a composed codec is one object, found by its name and by its wire id") {
  const std::pair<const char*, std::uint32_t> known[] = {
      {"top-k-64", 64 << 16 | 1 << 8 | 10},
      {"top-k-1", 1 << 16 | 1 << 8 | 10},
      {"top-k-4095-int8", 4095 << 16 | 3 << 8 | 10},
      {"top-k-64-bf16", 64 << 16 | 2 << 8 | 10}};
  for (const auto& [name, id] : known) {
    const Codec& codec = samples::codec(name);
    CHECK(codec.name() == name);
    CHECK(codec.wire_id() == id);
    CHECK(*find_codec(id) == &codec);
    CHECK(&samples::codec(name) == &codec);
  }
}

// Mutation: find_top_k(name) returns `codec` whatever its name.
TEST_CASE("a composed codec has one name, and any other is refused with the form") {
  for (const std::string_view name :
       {"top-k-", "top-k", "top-k-64-", "top-k-064", "top-k-64-fp32", "top-k-64-int9", "top-k-int8",
        "top-k-+64", "top-k--64", "top-k-64x", "top-k-64 ", "Top-k-64", "top-k-64-top-k-64",
        "top-k-64-int8-int8", "top-k-6.4"}) {
    const Status status = find_codec(name).status();
    CHECK(status.code() == Code::kNotFound);
    CHECK(samples::contains(status.message(), fmt::format("there is no codec '{}'", name)));
    CHECK(samples::contains(status.message(), "top-k-K-CODEC"));
  }
  for (const std::string_view name :
       {"top-k-0", "top-k-4096", "top-k-4097-int8", "top-k-99999999999999999999"}) {
    const Status status = find_codec(name).status();
    CHECK(status.code() == Code::kNotFound);
    CHECK(samples::contains(status.message(), "it can keep 1 to 4095"));
  }
}

// Mutation: find_top_k(wire_id) without `kept > kTopKMost`; without the test of the family.
TEST_CASE("a wire id whose parts do not compose a codec is refused") {
  const auto code = [](std::uint32_t family, std::uint32_t coded, std::uint32_t count) {
    return find_codec(family | coded << 8 | count << 16).status().code();
  };
  CHECK(code(10, 3, 64) == Code::kOk);
  CHECK(code(10, 3, 4095) == Code::kOk);
  for (const std::uint32_t count : {0, 4096, 4097, 65535})
    CHECK(code(10, 3, count) == Code::kNotFound);
  for (const std::uint32_t coded : {0, 10, 200, 255}) CHECK(code(10, coded, 64) == Code::kNotFound);
  for (const std::uint32_t family : {0, 1, 3, 200, 255})
    CHECK(code(family, 3, 64) == Code::kNotFound);
  CHECK(code(3, 0, 64) == Code::kNotFound);
}

// Mutation: none in one line is sure to show; without `lock` the thread sanitizer names the race.
TEST_CASE("composed codecs are found from many threads at once") {
  std::array<std::vector<const Codec*>, 4> found;
  std::vector<std::thread> threads;
  for (auto& mine : found)
    threads.emplace_back([&mine] {
      for (std::uint32_t kept = 1000; kept < 1100; ++kept) {
        mine.push_back(&samples::codec(fmt::format("top-k-{}-bf16", kept)));
        mine.push_back(*find_codec(kept << 16 | 2 << 8 | 10));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : found) CHECK(mine == found[0]);
}

}  // namespace outrigger
