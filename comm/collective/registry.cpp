#include <array>

#include <fmt/format.h>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/all_reduce.h>
#include <outrigger/comm/collective/direct.h>
#include <outrigger/comm/collective/gather.h>
#include <outrigger/comm/collective/gossip.h>
#include <outrigger/comm/collective/hierarchical.h>
#include <outrigger/comm/collective/ring.h>
#include <outrigger/comm/collective/star.h>

namespace outrigger {
namespace {

const std::array<const Collective*, 7>& collectives() {
  static const DirectCollective direct;
  static const GatherCollective gather;
  static const StarCollective star;
  static const RingCollective ring;
  static const HierarchicalCollective hierarchical;
  static const GossipCollective gossip;
  static const AllReduceCollective all_reduce;
  static const std::array<const Collective*, 7> all = {&direct,       &gather, &star,      &ring,
                                                       &hierarchical, &gossip, &all_reduce};
  return all;
}

}  // namespace

Result<const Collective*> find_collective(std::string_view name) {
  std::string known;
  for (const Collective* collective : collectives()) {
    if (collective->name() == name) return collective;
    known += (known.empty() ? "" : ", ") + std::string(collective->name());
  }
  return Status(Code::kNotFound, fmt::format("no collective '{}'; there are: {}", name, known));
}

std::string_view choose_collective(std::size_t members, const Codec& codec,
                                   const Codec& result_codec) {
  const std::size_t c = codec.encoded_bytes(kDriverBlock);
  const std::size_t r = result_codec.encoded_bytes(kDriverBlock);
  // Both costs times M: M (M-1) c against (M-1) (c + r). One member alone sends nothing either way.
  return members > 1 && members * c < c + r ? "gather" : "direct";
}

}  // namespace outrigger
