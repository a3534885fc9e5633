#include <outrigger/framework/data/token_file.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace outrigger {
namespace {

static_assert(std::endian::native == std::endian::little, "token files are little-endian");

constexpr std::int64_t kLlmcHeaderBytes = 256 * 4;
constexpr std::size_t kSniffedBytes = 4096;

struct LlmcKind {
  std::int32_t magic;
  std::int32_t version;
  TokenWidth width;
};
constexpr std::array kLlmcKinds = {LlmcKind{20240520, 1, TokenWidth::kU16},
                                   LlmcKind{20240801, 7, TokenWidth::kU32}};

constexpr std::array<std::pair<TokenFormat, std::string_view>, 4> kFormatNames = {
    {{TokenFormat::kAuto, "auto"},
     {TokenFormat::kText, "text"},
     {TokenFormat::kLlmc, "llmc"},
     {TokenFormat::kRawU16, "raw_u16"}}};

struct Layout {
  TokenWidth width;
  std::int64_t header_bytes;
};

Status invalid(const std::string& path, std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("{}: {}", path, what)};
}

std::int32_t header_field(std::span<const std::byte> bytes, std::size_t index) {
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data() + 4 * index, 4);
  return value;
}

std::optional<LlmcKind> llmc_kind(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) return std::nullopt;
  for (const LlmcKind& kind : kLlmcKinds)
    if (header_field(bytes, 0) == kind.magic) return kind;
  return std::nullopt;
}

Result<Layout> llmc_layout(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto size = static_cast<std::int64_t>(bytes.size());
  const auto kind = llmc_kind(bytes);
  if (!kind)
    return invalid(
        file.path(),
        "is not an llm.c token shard: one starts with the int32 20240520 (uint16 ids) or "
        "20240801 (uint32 ids)");
  if (size < kLlmcHeaderBytes)
    return invalid(file.path(), fmt::format("an llm.c shard has a header of {} bytes, but the file "
                                            "has {}: probably an unfinished copy",
                                            kLlmcHeaderBytes, size));
  if (header_field(bytes, 1) != kind->version)
    return invalid(file.path(), fmt::format("llm.c shard of version {}; version {} is read",
                                            header_field(bytes, 1), kind->version));
  const std::int64_t count = header_field(bytes, 2);
  if (count < 1 || size != kLlmcHeaderBytes + count * static_cast<std::int64_t>(kind->width))
    return invalid(
        file.path(),
        fmt::format("the header says {} tokens of {} bytes after {} bytes of header, but "
                    "the file has {} bytes: truncated or altered; copy it again",
                    count, static_cast<int>(kind->width), kLlmcHeaderBytes, size));
  return Layout{kind->width, kLlmcHeaderBytes};
}

Result<Layout> guessed_layout(const MappedFile& file) {
  const auto bytes = file.bytes();
  if (llmc_kind(bytes)) return llmc_layout(file);
  const auto start = bytes.first(std::min(bytes.size(), kSniffedBytes));
  if (std::find(start.begin(), start.end(), std::byte{0}) != start.end())
    return invalid(
        file.path(),
        "is neither text (it holds NUL bytes) nor an llm.c shard. If it is nanoGPT's raw "
        "uint16, say format raw_u16; if its bytes are the tokens, say format text");
  return Layout{TokenWidth::kByte, 0};
}

Result<Layout> layout(const MappedFile& file, TokenFormat format) {
  if (file.bytes().empty()) return invalid(file.path(), "the file is empty: it holds no token");
  switch (format) {
    case TokenFormat::kAuto:
      return guessed_layout(file);
    case TokenFormat::kText:
      if (llmc_kind(file.bytes()))
        return invalid(file.path(),
                       "starts with llm.c's magic number, so it is no text: say format llmc");
      return Layout{TokenWidth::kByte, 0};
    case TokenFormat::kLlmc:
      return llmc_layout(file);
    case TokenFormat::kRawU16:
      break;
  }
  if (llmc_kind(file.bytes()))
    return invalid(file.path(),
                   "starts with llm.c's magic number, so it is no raw_u16: say format llmc");
  if (file.bytes().size() % 2 != 0)
    return invalid(file.path(), fmt::format("{} bytes are not a whole number of uint16: truncated, "
                                            "or not raw_u16",
                                            file.bytes().size()));
  return Layout{TokenWidth::kU16, 0};
}

template <class Id>
void widen(const std::byte* from, std::span<std::int64_t> out) {
  for (std::int64_t& id : out) {
    Id narrow;
    std::memcpy(&narrow, from, sizeof(Id));
    id = narrow;
    from += sizeof(Id);
  }
}

}  // namespace

Result<TokenFile> TokenFile::open(const std::string& path, TokenFormat format) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto found = layout(*file, format);
  if (!found.ok()) return found.status();
  return TokenFile(std::move(*file), found->width, found->header_bytes);
}

TokenFile::TokenFile(MappedFile file, TokenWidth width, std::int64_t header_bytes)
    : file_(std::move(file)),
      width_(width),
      header_bytes_(header_bytes),
      size_((static_cast<std::int64_t>(file_.bytes().size()) - header_bytes) /
            static_cast<std::int64_t>(width)) {}

void TokenFile::read(std::int64_t first, std::span<std::int64_t> out) const {
  const std::byte* from =
      file_.bytes().data() + header_bytes_ + first * static_cast<std::int64_t>(width_);
  switch (width_) {
    case TokenWidth::kByte:
      return widen<std::uint8_t>(from, out);
    case TokenWidth::kU16:
      return widen<std::uint16_t>(from, out);
    case TokenWidth::kU32:
      return widen<std::uint32_t>(from, out);
  }
}

std::string_view format_name(TokenFormat format) {
  return std::find_if(kFormatNames.begin(), kFormatNames.end(),
                      [&](const auto& entry) { return entry.first == format; })
      ->second;
}

Result<TokenFormat> format_from_name(std::string_view name) {
  for (const auto& [format, known] : kFormatNames)
    if (name == known) return format;
  return Status(
      Code::kInvalidArgument,
      fmt::format("'{}' is no token format; there are auto, text, llmc and raw_u16", name));
}

}  // namespace outrigger
