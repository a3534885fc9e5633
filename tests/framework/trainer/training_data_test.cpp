#include <outrigger/framework/trainer/training_data.h>

#include <cstring>

#include "support/catch.h"
#include "support/temporary_folder.h"

namespace outrigger {
namespace {

std::string llmc_shard(std::int32_t tokens) {
  std::string bytes(256 * 4 + 2 * static_cast<std::size_t>(tokens), '\0');
  const std::int32_t header[] = {20240520, 1, tokens};
  std::memcpy(bytes.data(), header, sizeof header);
  return bytes;
}

// Mutation: in TrainingData::open, leave format as the recipe has it.
TEST_CASE("the format auto is settled by the files") {
  const test::TemporaryFolder folder;
  Recipe recipe;
  recipe.islands.names = {"a"};
  recipe.train.context = 16;
  recipe.train.batch = 2;
  recipe.data.eval_fraction = 0;
  const auto format = [&](const std::string& file) {
    recipe.data.files = {file};
    return TrainingData::open(recipe, 50257, 0).value_or_throw().format();
  };
  const std::string shard = folder.write("shard.bin", llmc_shard(1000));
  CHECK(format(folder.write("a.txt", std::string(1000, 'a'))) == "text");
  CHECK(format(shard) == "llmc");
  recipe.data.format = "raw_u16";
  CHECK(format(folder.write("raw.bin", std::string(1000, 'a'))) == "raw_u16");
  recipe.data.format = "text";
  CHECK(TrainingData::open({recipe}, 50257, 0).ok());
  recipe.data.files = {shard};
  CHECK(TrainingData::open(recipe, 50257, 0).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace outrigger
