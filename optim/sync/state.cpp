#include <outrigger/optim/sync/state.h>

#include <fmt/format.h>

namespace outrigger {

std::vector<std::span<float>> slots_at(SharedState::Fragment& fragment, std::size_t offset,
                                       std::size_t count) {
  std::vector<std::span<float>> slots;
  for (std::vector<float>& slot : fragment.slots)
    slots.push_back(std::span(slot).subspan(offset, count));
  return slots;
}

void check_continues(const Version& before, const RoundOutcome& outcome) {
  if (outcome.version.number == before.number + 1 &&
      outcome.version.chain == chain(before.chain, outcome.hash))
    return;
  throw Error(
      {Code::kCorruption,
       fmt::format("{} does not continue this island's history (version {}, chain {}): stop the "
                   "job and resume it from its last checkpoint",
                   to_string(outcome.round), before.number, before.chain.hex())});
}

Hash128 hash_state(const SharedState::Fragment& fragment) {
  Hash128 hash =
      chain(fragment.version.chain, hash_blocks(std::as_bytes(std::span(fragment.global))));
  for (const std::vector<float>& slot : fragment.slots)
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(slot))));
  if (!fragment.statistics.empty())
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.statistics))));
  if (!fragment.variate.empty())
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.variate))));
  if (!fragment.estimate.empty())
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.estimate))));
  if (!fragment.ranks.empty()) {
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.ranks))));
    hash = chain(hash, hash_blocks(std::as_bytes(std::span(fragment.warm))));
  }
  return hash;
}

}  // namespace outrigger
