#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// The steps of the committed checkpoints in a `checkpoints` folder, newest first, whole or not.
// None when there is no such folder.
std::vector<std::int64_t> list_steps(const std::string& checkpoints);

// Renames a checkpoint so that nobody finds it; remove_leftovers() deletes it.
Status hide_checkpoint(const std::string& checkpoints, const std::string& name);

// Hides and so deletes, with remove_leftovers(), the checkpoints older than the `keep` newest ones
// that open_checkpoint() finds whole, counted from `step`, the one just committed. Later ones stay:
// a run goes back behind one only when it is damaged, and a damaged one must not push out a whole
// one. REQUIRES: keep >= 1.
Status prune(const std::string& checkpoints, std::int64_t step, std::int64_t keep);

// Deletes what killed processes left: half-deleted checkpoints, and attempts at `step` or before.
// An attempt at a later step may be alive and stays.
Status remove_leftovers(const std::string& checkpoints, std::int64_t step);

}  // namespace outrigger
