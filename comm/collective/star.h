#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// Everyone sends all to one hub, the exchange's first owner, who aggregates and hands the result
// out: direct with one owner, to the bit. The hub sends (M-1) r bytes and receives (M-1) c; each
// other member sends c and receives r, the least there is: for a member in the middle with a far
// better link than all others.
class StarCollective : public Collective {
 public:
  std::string_view name() const override { return "star"; }
  const Codec& result_codec(const Codec& wanted) const override { return wanted; }
  // The first member is the hub.
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
