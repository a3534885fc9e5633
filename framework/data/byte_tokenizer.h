#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace outrigger {

// The tokenizer whose ids are the text's bytes: 256 ids, nothing to learn or to ship.
inline constexpr std::int64_t kByteVocab = 256;

std::vector<std::int64_t> encode_bytes(std::string_view text);

// The text, safe to print: always valid UTF-8 (RFC 3629) and without control characters but newline
// and tab, so that a sample cannot write escape sequences to a terminal. Each byte that is part of
// no valid character, each other control character and each id outside 0..255 becomes U+FFFD.
std::string decode_bytes(std::span<const std::int64_t> ids);

}  // namespace outrigger
