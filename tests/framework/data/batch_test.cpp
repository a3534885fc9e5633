#include <outrigger/framework/data/batch.h>

#include "support/temporary_folder.h"
#include "framework/data/token_bytes.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: read_batch(): `window.begin() + 1` -> `window.begin()` (the targets are the inputs).
TEST_CASE("batch: inputs and targets are a window's tokens, one apart") {
  const TemporaryFolder folder;
  const auto source = TokenSource::open({folder.write("a", "abcdefghij")}, TokenFormat::kText, 256);
  const auto batch = read_batch(*source, std::vector<std::int64_t>{6, 0}, 3);
  REQUIRE(batch.ok());
  CHECK(batch->tokens.sizes() == at::IntArrayRef({2, 3}));
  CHECK(batch->targets.sizes() == at::IntArrayRef({2, 3}));
  CHECK(batch->tokens.scalar_type() == at::kLong);
  CHECK(batch->targets.scalar_type() == at::kLong);
  const std::string tokens = "ghiabc";
  const std::string targets = "hijbcd";
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(batch->tokens.const_data_ptr<std::int64_t>()[i] == tokens[i]);
    CHECK(batch->targets.const_data_ptr<std::int64_t>()[i] == targets[i]);
  }
}

// Mutation: read_batch(): `return status` of a failed read dropped.
TEST_CASE("batch: a window beyond the end and an id outside the vocabulary are refused") {
  const TemporaryFolder folder;
  const auto source = TokenSource::open({folder.write("a", "abc\xC8")}, TokenFormat::kText, 200);
  CHECK(read_batch(*source, std::vector<std::int64_t>{0}, 2).ok());
  CHECK(read_batch(*source, std::vector<std::int64_t>{0}, 3).status().code() ==
        Code::kInvalidArgument);
  CHECK(read_batch(*source, std::vector<std::int64_t>{0, 2}, 2).status().code() ==
        Code::kInvalidArgument);
  CHECK(read_batch(*source, std::vector<std::int64_t>{}, 2)->tokens.sizes() ==
        at::IntArrayRef({0, 2}));
}
