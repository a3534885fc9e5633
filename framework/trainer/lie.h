#pragma once

#include <cstdint>
#include <string>

#include <outrigger/optim/sync/fragment_sync.h>

namespace outrigger {

// What a broken island sends in place of its pseudo-gradient (experiment.lie), to see which
// aggregation rules bear it: sign_flip, its opposite; scale, 100 times it; random, noise with the
// size of its values' root mean square in each block. The same noise for the same seed.
// REQUIRES: `lie` is one of the three.
DeltaHook make_lie(const std::string& lie, std::uint64_t seed);

}  // namespace outrigger
