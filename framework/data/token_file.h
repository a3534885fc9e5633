#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/mapped_file.h>

namespace outrigger {

// What the recipe says its token files are.
enum class TokenFormat {
  kAuto,    // llm.c shards by their magic number, else text; other binary files are refused
  kText,    // every byte is a token: id = byte
  kLlmc,    // llm.c shards
  kRawU16,  // nanoGPT: headerless little-endian uint16; never guessed
};

// How one file stores its ids. The numbers are the bytes of an id.
enum class TokenWidth : std::uint8_t { kByte = 1, kU16 = 2, kU32 = 4 };

// One memory-mapped file of token ids.
//
// llm.c shards (karpathy/llm.c, dev/data/data_common.py) are 256 little-endian int32 of header,
// then the ids: [0] = 20240520, [1] = 1 (uint16 ids) or [0] = 20240801, [1] = 7 (uint32 ids); [2] =
// their number. The file's size must be exactly what the header says.
class TokenFile {
 public:
  // NotFound, PermissionDenied, InvalidArgument (empty, or not the format it should be).
  static Result<TokenFile> open(const std::string& path, TokenFormat format);

  const std::string& path() const { return file_.path(); }
  TokenWidth width() const { return width_; }
  std::int64_t size() const { return size_; }  // tokens

  // REQUIRES: 0 <= first and first + out.size() <= size().
  void read(std::int64_t first, std::span<std::int64_t> out) const;

 private:
  TokenFile(MappedFile file, TokenWidth width, std::int64_t header_bytes);

  MappedFile file_;
  TokenWidth width_;
  std::int64_t header_bytes_;
  std::int64_t size_;
};

std::string_view format_name(TokenFormat format);  // "auto", "text", "llmc", "raw_u16"
// InvalidArgument for another name; the message lists them.
Result<TokenFormat> format_from_name(std::string_view name);

}  // namespace outrigger
