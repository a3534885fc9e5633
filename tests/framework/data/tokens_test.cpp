#include <outrigger/framework/data/tokens.h>

#include <random>
#include <string>
#include <vector>

#include "framework/data/token_bytes.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: read(): `++index` dropped; constructor: `starts_.back() +` dropped.
TEST_CASE("tokens: several files read as one sequence") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  std::string whole;
  std::mt19937 random(6);
  for (int i = 0; i < 5; ++i) {
    std::string text(1 + random() % 40, ' ');
    for (char& byte : text) byte = static_cast<char>(1 + random() % 255);
    paths.push_back(folder.write(std::to_string(i), text));
    whole += text;
  }
  const auto source = TokenSource::open(paths, TokenFormat::kText, 256);
  REQUIRE(source.ok());
  REQUIRE(source->size() == std::ssize(whole));
  for (std::int64_t begin = 0; begin <= source->size(); ++begin)
    for (std::int64_t end = begin; end <= source->size(); end += 1 + random() % 9) {
      std::vector<std::int64_t> ids(static_cast<std::size_t>(end - begin));
      REQUIRE(source->read(begin, ids).ok());
      for (std::size_t i = 0; i < ids.size(); ++i)
        REQUIRE(ids[i] == static_cast<unsigned char>(whole[static_cast<std::size_t>(begin) + i]));
    }
}

// Mutation: read(): `wanted > size() - position` -> `wanted > size()`.
TEST_CASE("tokens: reads beyond the ends are refused") {
  const TemporaryFolder folder;
  const auto source = TokenSource::open({folder.write("a", "12345")}, TokenFormat::kText, 256);
  std::vector<std::int64_t> ids(3);
  CHECK(source->read(2, ids).ok());
  for (std::int64_t position : {std::int64_t{-1}, std::int64_t{3}, std::int64_t{6}, INT64_MAX})
    CHECK(source->read(position, ids).code() == Code::kInvalidArgument);
}

// Mutation: read_from(): `id >= vocab_` -> `id > vocab_`.
// Mutation: read_from(): `first +` dropped from the offset.
TEST_CASE("tokens: an id outside the vocabulary is named with its file and offset") {
  const TemporaryFolder folder;
  const auto good = folder.write("good.bin", llmc_shard({1, 2, 99}));
  const auto bad = folder.write("bad.bin", llmc_shard({1, 2, 3, 100, 5}));
  const auto source = TokenSource::open({good, bad}, TokenFormat::kAuto, 100);
  REQUIRE(source.ok());
  std::vector<std::int64_t> ids(3);
  CHECK(source->read(0, ids).ok());
  const Status status = source->read(5, ids);
  CHECK(status.code() == Code::kInvalidArgument);
  INFO(status.message());
  CHECK(status.message().find(bad + ": token 3 has id 100") != std::string::npos);
}

// Mutation: open(): the comparison of widths dropped.
TEST_CASE("tokens: no files, mixed widths and no vocabulary are refused") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", "text");
  const auto shard = folder.write("b.bin", llmc_shard({1}));
  CHECK(TokenSource::open({}, TokenFormat::kAuto, 256).status().code() == Code::kInvalidArgument);
  CHECK(TokenSource::open({text}, TokenFormat::kAuto, 0).status().code() == Code::kInvalidArgument);
  const auto mixed = TokenSource::open({text, shard}, TokenFormat::kAuto, 256);
  REQUIRE_FALSE(mixed.ok());
  CHECK(mixed.status().message().find(shard) != std::string::npos);
}
