#include <outrigger/framework/data/token_file.h>

#include <string>
#include <vector>

#include "framework/data/token_bytes.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

std::vector<std::int64_t> all_ids(const TokenFile& file) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(file.size()));
  file.read(0, ids);
  return ids;
}

void check_refused(const std::string& path, TokenFormat format, const std::string& part) {
  const auto file = TokenFile::open(path, format);
  REQUIRE_FALSE(file.ok());
  CHECK(file.status().code() == Code::kInvalidArgument);
  INFO(file.status().message());
  CHECK(file.status().message().find(path) != std::string::npos);
  CHECK(file.status().message().find(part) != std::string::npos);
}

}  // namespace

// Mutation: widen(): Id read as `std::int8_t` for kByte (0xFF becomes -1).
TEST_CASE("token_file: a text's ids are its bytes") {
  const TemporaryFolder folder;
  const auto file = TokenFile::open(folder.write("a.txt", "A\xFF\n"), TokenFormat::kAuto);
  REQUIRE(file.ok());
  CHECK(all_ids(*file) == std::vector<std::int64_t>{65, 255, 10});
}

// Mutation: TokenFile::read(): `header_bytes_ +` dropped.
// Mutation: kLlmcKinds: kU32 -> kU16.
TEST_CASE("token_file: llm.c shards are known by their magic numbers") {
  const TemporaryFolder folder;
  const auto narrow = folder.write("a.bin", llmc_shard({1, 50256, 65535}));
  const auto wide = folder.write("b.bin", llmc_wide_shard({1, 128000, 4294967295}));
  for (TokenFormat format : {TokenFormat::kAuto, TokenFormat::kLlmc}) {
    CHECK(all_ids(*TokenFile::open(narrow, format)) == std::vector<std::int64_t>{1, 50256, 65535});
    CHECK(all_ids(*TokenFile::open(wide, format)) ==
          std::vector<std::int64_t>{1, 128000, 4294967295});
  }
}

// Mutation: guessed_layout(): the search for NUL bytes dropped (the file is read as text).
TEST_CASE("token_file: raw uint16 is read only when stated") {
  const TemporaryFolder folder;
  const auto path = folder.write("train.bin", little_endian<std::uint16_t>({5, 300, 65535}));
  CHECK(all_ids(*TokenFile::open(path, TokenFormat::kRawU16)) ==
        std::vector<std::int64_t>{5, 300, 65535});
  check_refused(path, TokenFormat::kAuto, "raw_u16");
}

// Mutation: llmc_layout(): `size != ...` -> `size < ...`.
// Mutation: llmc_layout(): `size < kLlmcHeaderBytes` dropped (reads beyond the file's end).
// Mutation: llmc_layout(): `count < 1 ||` dropped (a shard without a token).
// Mutation: llmc_layout(): the version's check dropped.
TEST_CASE("token_file: hostile shards are refused") {
  const TemporaryFolder folder;
  const std::string shard = llmc_shard({1, 2, 3});
  const auto refused = [&](const std::string& bytes, const std::string& part) {
    check_refused(folder.write("x.bin", bytes), TokenFormat::kLlmc, part);
  };
  for (std::size_t size : {1, 3}) refused(shard.substr(0, size), "is not an llm.c token shard");
  for (std::size_t size : {4, 8, 1023})
    refused(shard.substr(0, size), "has a header of 1024 bytes");
  for (std::size_t size : {1024, 1029}) refused(shard.substr(0, size), "header says 3 tokens");
  refused(shard + "x", "header says 3 tokens");
  refused(llmc_header(20240520, 1, 0), "header says 0 tokens");
  refused(llmc_header(20240520, 1, -1), "header says -1 tokens");
  refused(llmc_header(20240520, 1, 2147483647), "header says 2147483647 tokens");
  refused(llmc_header(20240520, 2, 0), "version 2; version 1 is read");
  refused(llmc_header(20240801, 1, 0), "version 1; version 7 is read");
  refused(llmc_header(20240326, 3, 0), "is not an llm.c token shard");
  refused("plain text", "is not an llm.c token shard");
}

// Mutation: layout(): `% 2 != 0` check dropped.
// Mutation: layout(): the check for llm.c's magic before raw_u16 (in kText) dropped.
TEST_CASE("token_file: raw_u16 of an odd size is refused, and llm.c's header in another format") {
  const TemporaryFolder folder;
  check_refused(folder.write("odd.bin", "abc"), TokenFormat::kRawU16, "3 bytes");
  check_refused(folder.write("llmc.bin", llmc_shard({1})), TokenFormat::kRawU16, "llmc");
  check_refused(folder.write("llmc.bin", llmc_shard({1})), TokenFormat::kText, "llmc");
}

// Mutation: layout(): the check for empty files dropped.
TEST_CASE("token_file: an empty file is refused in every format") {
  const TemporaryFolder folder;
  const auto path = folder.write("empty", "");
  for (TokenFormat format :
       {TokenFormat::kAuto, TokenFormat::kText, TokenFormat::kLlmc, TokenFormat::kRawU16})
    check_refused(path, format, "empty");
}

// Mutation: kFormatNames: "raw_u16" -> "raw".
TEST_CASE("token_file: format names") {
  for (std::string name : {"auto", "text", "llmc", "raw_u16"})
    CHECK(format_name(*format_from_name(name)) == name);
  const auto unknown = format_from_name("parquet");
  CHECK(unknown.status().code() == Code::kInvalidArgument);
}
