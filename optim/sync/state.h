#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/comm/names.h>

namespace outrigger {

// A synchronised run's state has two kinds, and no other (shared/protocol.md, "State has two
// kinds").

// Equal on every island, to the bit: hashed, checkpointed, given to joiners.
struct SharedState {
  struct Fragment {
    Version version;
    std::vector<float> global;  // theta_global, in the fragment's order
    std::vector<std::vector<float>>
        slots;  // the outer optimizer's buffers, in the order of slots()
  };
  std::vector<Fragment> fragments;
};

// One island's own. Its parameters and inner moments are the training loop's.
struct PrivateState {
  std::uint64_t step = 0;             // inner steps done
  std::vector<std::uint64_t> tokens;  // of each fragment: since this island was last included
};

// The hash that islands compare: of theta_global and the outer buffers, in blocks of 1 MiB.
Hash128 hash_state(const SharedState::Fragment& fragment);

}  // namespace outrigger
