#include <outrigger/optim/sync/state.h>

#include <span>

namespace outrigger {

Hash128 hash_state(const SharedState::Fragment& fragment) {
  Hash128 hash =
      chain(fragment.version.chain, hash_blocks(std::as_bytes(std::span(fragment.global))));
  for (const std::vector<float>& slot : fragment.slots)
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(slot))));
  if (!fragment.statistics.empty())
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.statistics))));
  if (!fragment.variate.empty())
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.variate))));
  return hash;
}

}  // namespace outrigger
