#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// One hop: everyone sends its encoded fragment to every other contributor, and everyone aggregates
// all of them in the closed order. The result is fp32 whatever is wanted, since it is not sent.
// Each member sends (M-1)c bytes and holds as much.
class GatherCollective : public Collective {
 public:
  std::string_view name() const override { return "gather"; }
  const Codec& result_codec(const Codec& wanted) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
