#include <outrigger/framework/checkpoint/file_hash.h>

#include <span>
#include <string>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: hash_opened(): only the last block hashed (reset inside the loop).
TEST_CASE("file_hash: it is hash128 of the bytes, over several blocks too") {
  const TemporaryFolder folder;
  for (std::size_t size : {0u, 1u, 4096u, (1u << 20) + 1u, 3u << 20}) {
    std::string bytes(size, ' ');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    const auto hashed = hash_file(folder.write("a", bytes));
    REQUIRE(hashed.ok());
    CHECK(hashed->bytes == std::ssize(bytes));
    CHECK(hashed->hash == hash128(std::as_bytes(std::span(bytes))));
  }
}

// Mutation: hash_opened(): `count < 0` taken for the end.
TEST_CASE("file_hash: what cannot be read is named") {
  const TemporaryFolder folder;
  CHECK(hash_file(folder.path("none")).status().code() == Code::kNotFound);
  const auto read_folder = hash_file(folder.path());
  REQUIRE_FALSE(read_folder.ok());
  CHECK(read_folder.status().message().find("Is a directory") != std::string::npos);
}
