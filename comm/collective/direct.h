#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// Elements [begin, begin + elements) of a fragment that one owner aggregates. A shard begins on a
// border of the driver's blocks, so the codecs' bytes of it are a slice of the fragment's.
struct Shard {
  std::size_t begin = 0;
  std::size_t elements = 0;
};
// Shard `index` of `count`: as equal as whole blocks allow; the last may be short, some may be
// empty.
Shard cut_shard(std::size_t elements, std::size_t index, std::size_t count);

// Two hops, sharded. Hop 0: each contributor sends shard s of its encoded fragment to owner s, who
// aggregates in the closed order and encodes once, in the result codec. Hop 1: the owner sends
// those bytes to everyone; all, the owner included, keep just these bytes, in the order of the
// shards. Each member sends (M-1)/M (c + r) bytes if all are owners.
class DirectCollective : public Collective {
 public:
  std::string_view name() const override { return "direct"; }
  const Codec& result_codec(const Codec& wanted) const override { return wanted; }
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
