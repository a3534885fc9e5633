#include <outrigger/framework/data/byte_tokenizer.h>

#include <random>
#include <string>

#include "support/catch.h"

using namespace outrigger;

namespace {

std::string decoded(std::string_view text) {
  return decode_bytes(encode_bytes(text));
}
const std::string kBad = "\xEF\xBF\xBD";

}  // namespace

// Mutation: encode_bytes(): `static_cast<unsigned char>` dropped (negative ids).
TEST_CASE("byte_tokenizer: every byte is its own id") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const auto ids = encode_bytes(all);
  for (int byte = 0; byte < 256; ++byte) CHECK(ids[static_cast<std::size_t>(byte)] == byte);
}

// Mutation: kSequences: 0xC2 -> 0xC3 in the first row (the a with a ring... of Latin-1 is lost).
TEST_CASE("byte_tokenizer: valid text survives") {
  for (std::string text : {"In the beginning\n\tGod", "\xC2\xA0", "\xC3\xA9", "\xE0\xA0\x80",
                           "\xE2\x82\xAC", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x9F\x98\x80",
                           "\xF0\x90\x80\x80", "\xF3\xA0\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK(decoded(text) == text);
}

// Mutation: kSequences: second_low of 0xE0 0xA0 -> 0x80 (overlong); 0xED 0x9F -> 0xBF (surrogates).
// Mutation: is_control(): `first == 0x7F` dropped; `first == 0xC2 && ...` -> false.
TEST_CASE("byte_tokenizer: what is not printable text becomes U+FFFD") {
  CHECK(decoded("a\xFFz") == "a" + kBad + "z");
  CHECK(decoded("\xC3") == kBad);
  CHECK(decoded("\xC0\x80") == kBad + kBad);
  CHECK(decoded("\xE0\x80\xAF") == kBad + kBad + kBad);
  CHECK(decoded("\xED\xA0\x80") == kBad + kBad + kBad);
  CHECK(decoded("\xF4\x90\x80\x80") == kBad + kBad + kBad + kBad);
  CHECK(decoded("\xE2\x82\xAC\xE2\x82") == "\xE2\x82\xAC" + kBad + kBad);
  CHECK(decoded("\x1B[31m") == kBad + "[31m");
  CHECK(decoded(std::string_view("\r\0\x7F\xC2\x9B", 5)) == kBad + kBad + kBad + kBad);
  CHECK(decode_bytes(std::vector<std::int64_t>{65, 256, 66, -1}) == "A" + kBad + "B" + kBad);
}

// Mutation: append_printable(): `length == 0 ||` dropped (bad bytes pass through).
TEST_CASE("byte_tokenizer: arbitrary bytes decode to text that decodes to itself") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes(random() % 12, ' ');
    for (char& byte : bytes)
      byte = static_cast<char>(random() % 4 == 0 ? random() % 128 : random());
    const std::string text = decoded(bytes);
    REQUIRE(decoded(text) == text);
    for (char byte : text)
      REQUIRE((static_cast<unsigned char>(byte) >= 0x20 || byte == '\n' || byte == '\t'));
  }
  CHECK(decoded("\xF8") == kBad);
}
