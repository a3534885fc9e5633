#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/model/config.h>
#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// What a recipe amounts to, in numbers: printed before a job starts. The batch is the job's, so
// another number of islands trains on the same tokens.
struct Arithmetic {
  std::int64_t parameters = 0;
  std::vector<std::int64_t> island_batch;  // sequences an inner step, in the order of islands
  std::int64_t tokens_per_step = 0;        // of the whole job
  std::int64_t tokens_per_round = 0;
  std::int64_t tokens = 0;
  std::string collective;  // direct, gather or gossip; empty with one island or with sync off
  struct Fragment {
    std::size_t elements = 0;
    std::uint64_t rounds = 0;           // the closing one included
    std::uint64_t bytes_per_round = 0;  // sent by the island that sends most
    std::uint64_t closing_bytes = 0;    // by that island, in the last round of a gossiping job
  };
  std::vector<Fragment> fragments;

  std::uint64_t rounds() const;
  std::uint64_t bytes() const;  // of all rounds, sent by the island that sends most
};

// NotFound if the recipe names a codec that does not exist.
Result<Arithmetic> arithmetic(const Recipe& recipe, const LlamaConfig& model);

// Lines for people.
std::string to_text(const Arithmetic& arithmetic, const Recipe& recipe);

// The model that the recipe asks for: its sizes, or the config.json of the folder that model.load
// names.
Result<LlamaConfig> model_config(const Recipe& recipe);

// train.threads, or for `auto` this machine's cores shared out among its islands.
std::int64_t threads_each(const Recipe& recipe);

// The rows that an island computes at once: train.micro_batch, or for `auto` as many as keep a
// micro-batch at 4,096 tokens at most.
std::int64_t micro_rows(const Recipe& recipe, std::int64_t island_batch);

}  // namespace outrigger
