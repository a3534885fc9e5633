#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/batch.h>
#include <outrigger/framework/data/sharding.h>
#include <outrigger/framework/data/split.h>
#include <outrigger/framework/data/tokens.h>
#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// The corpus of a recipe as one island reads it. Movable; reading is const and thread-safe.
class TrainingData {
 public:
  // Opens the files, or prepares the packaged corpus. The Status names the file or the package that
  // is missing, or how long the corpus would have to be. REQUIRES: 0 <= island < number of islands.
  static Result<TrainingData> open(const Recipe& recipe, std::int64_t vocab, std::int64_t island);

  // The recipe's data.format; where that is auto, what the files are: "text" or "llmc".
  const std::string& format() const { return format_; }

  // What this island trains on in the inner step, counted from 0.
  Result<Batch> batch(std::int64_t step) const;

  // This island's share of the evaluation windows: all islands' shares are the whole, none
  // overlaps.
  const std::vector<std::int64_t>& eval_windows() const { return eval_windows_; }
  Result<Batch> eval_batch(std::size_t first_window, std::size_t windows) const;

 private:
  TrainingData(TokenSource source, Sampler sampler, std::vector<std::int64_t> windows,
               std::int64_t context, std::string format)
      : source_(std::move(source)),
        sampler_(std::move(sampler)),
        eval_windows_(std::move(windows)),
        context_(context),
        format_(std::move(format)) {}

  TokenSource source_;
  Sampler sampler_;
  std::vector<std::int64_t> eval_windows_;
  std::int64_t context_;
  std::string format_;
};

}  // namespace outrigger
