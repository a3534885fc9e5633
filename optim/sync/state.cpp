#include <outrigger/optim/sync/state.h>

#include <span>

namespace outrigger {

Hash128 hash_state(const SharedState::Fragment& fragment) {
  Hash128 hash =
      chain(fragment.version.chain, hash_blocks(std::as_bytes(std::span(fragment.global))));
  for (const std::vector<float>& slot : fragment.slots)
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(slot))));
  return hash;
}

}  // namespace outrigger
