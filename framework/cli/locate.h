#pragma once

#include <string>
#include <vector>

#include <outrigger/framework/checkpoint/checkpoint.h>
#include <outrigger/framework/recipe/recipe.h>

namespace outrigger {

// A checkpoint that a command was pointed at, with the recipe of its run.
struct Located {
  Checkpoint checkpoint;
  Recipe recipe;
  std::vector<std::string> passed_over;  // newer checkpoints that are not whole, and why
};

// `path` is a run folder (its newest whole checkpoint is taken) or one checkpoint's folder in a
// run.
Result<Located> locate_checkpoint(const std::string& path);

}  // namespace outrigger
