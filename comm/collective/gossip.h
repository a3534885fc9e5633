#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// The group of `member` among `members` in one round: positions in the closed order, this one's
// included, ascending. Pairs of a permutation that is a function of the round alone, so that nobody
// has to hand it out; an odd last one makes a group of three. Source: arXiv 2506.10911.
std::vector<std::size_t> gossip_group(const RoundId& round, std::size_t members,
                                      std::size_t member);

// Gather within small groups: each member ends with its own group's result, so the results differ.
// Each sends c bytes (2 c in a group of three), however many members there are.
class GossipCollective : public Collective {
 public:
  std::string_view name() const override { return "gossip"; }
  const Codec& result_codec(const Codec& wanted) const override;
  // In a job of an odd number all are counted as in the group of three.
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
