#include <outrigger/framework/data/byte_tokenizer.h>

#include <array>
#include <cstddef>

namespace outrigger {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// One row of RFC 3629's table of valid sequences, section 4: the bounds of the first two bytes.
struct Sequence {
  unsigned char first_low, first_high, second_low, second_high;
  std::size_t length;
};
constexpr std::array<Sequence, 8> kSequences = {{{0xC2, 0xDF, 0x80, 0xBF, 2},
                                                 {0xE0, 0xE0, 0xA0, 0xBF, 3},
                                                 {0xE1, 0xEC, 0x80, 0xBF, 3},
                                                 {0xED, 0xED, 0x80, 0x9F, 3},
                                                 {0xEE, 0xEF, 0x80, 0xBF, 3},
                                                 {0xF0, 0xF0, 0x90, 0xBF, 4},
                                                 {0xF1, 0xF3, 0x80, 0xBF, 4},
                                                 {0xF4, 0xF4, 0x80, 0x8F, 4}}};

bool matches(const Sequence& sequence, std::string_view text) {
  if (text.size() < sequence.length) return false;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < sequence.first_low || byte(0) > sequence.first_high) return false;
  if (byte(1) < sequence.second_low || byte(1) > sequence.second_high) return false;
  for (std::size_t i = 2; i < sequence.length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return false;
  return true;
}

// The bytes of the valid character that `text` starts with; 0 if it starts with none.
std::size_t character_length(std::string_view text) {
  if (static_cast<unsigned char>(text[0]) < 0x80) return 1;
  for (const Sequence& sequence : kSequences)
    if (matches(sequence, text)) return sequence.length;
  return 0;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1)
    return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;  // U+0080 to U+009F
}

void append_printable(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    out += length == 0 || is_control(character) ? kReplacement : character;
    text.remove_prefix(character.size());
  }
}

}  // namespace

std::vector<std::int64_t> encode_bytes(std::string_view text) {
  std::vector<std::int64_t> ids;
  ids.reserve(text.size());
  for (char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

std::string decode_bytes(std::span<const std::int64_t> ids) {
  std::string out;
  std::string run;
  for (std::int64_t id : ids) {
    if (id >= 0 && id < kByteVocab) {
      run.push_back(static_cast<char>(id));
      continue;
    }
    append_printable(run, out);
    run.clear();
    out += kReplacement;
  }
  append_printable(run, out);
  return out;
}

}  // namespace outrigger
