#include "support/catch.h"

#include <fmt/format.h>

#include "comm/codec/samples.h"

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/codec/driver.h>

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

// Mutation: the message of find_codec(name) without the list of names.
TEST_CASE("an unknown codec name is refused with the choices") {
  for (const std::string_view name : {"int9", "", "INT8", "fp32 "}) {
    const Status status = find_codec(name).status();
    CHECK(status.code() == Code::kNotFound);
    CHECK(samples::contains(status.message(), "fp32, bf16, int8"));
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

// Mutation: Int8Codec::block_elements() returns 384.
TEST_CASE("every block is a power of two that divides the driver's block") {
  for (const std::uint32_t id : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
    const Codec& codec = **find_codec(id);
    CHECK(std::has_single_bit(codec.block_elements()));
    CHECK(kDriverBlock % codec.block_elements() == 0);
  }
}

}  // namespace outrigger
