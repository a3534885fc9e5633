#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// Two hops, sharded (chunks.h) by the exchange's owners and shares. Hop 0: each contributor sends
// shard s of its encoded fragment to owner s, chunk by chunk; as soon as a chunk is here from all,
// the owner aggregates it in the closed order and encodes once, in the result codec. Hop 1: it
// sends those bytes to everyone at once; all, the owner included, keep just these bytes. Each
// member sends (M-1)/M (c + r) bytes if all own equal shards. The result's bits do not depend on
// the owners or the shares.
class DirectCollective : public Collective {
 public:
  std::string_view name() const override { return "direct"; }
  const Codec& result_codec(const Codec& wanted) const override { return wanted; }
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

// What each member hands to the wire if the first `owners` of them own equal shards.
std::vector<std::uint64_t> direct_bytes(const ExchangeSize& size, std::size_t owners);

}  // namespace outrigger
