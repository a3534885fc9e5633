#include <outrigger/framework/data/mapped_file.h>

#include <utility>

#include "support/temporary_folder.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: system_error(): ENOENT answered as kInternal; map(): the check of S_ISREG dropped.
TEST_CASE("mapped_file: a missing file and a folder are refused by name") {
  const TemporaryFolder folder;
  const auto missing = MappedFile::open(folder.path("none"));
  CHECK(missing.status().code() == Code::kNotFound);
  CHECK(missing.status().message().find(folder.path("none")) != std::string::npos);
  CHECK(MappedFile::open(folder.path()).status().code() == Code::kInvalidArgument);
}

// Mutation: the move constructor copies bytes_ (unmapped twice, and read after).
TEST_CASE("mapped_file: a moved map stays") {
  const TemporaryFolder folder;
  auto first = MappedFile::open(folder.write("a", "hello"));
  REQUIRE(first.ok());
  {
    MappedFile moved = std::move(*first);
    CHECK(moved.bytes().size() == 5);
    CHECK(first->bytes().empty());  // NOLINT(bugprone-use-after-move)
    *first = std::move(moved);
  }
  CHECK(static_cast<char>(first->bytes()[4]) == 'o');
  CHECK(MappedFile::open(folder.write("b", ""))->bytes().empty());
}
