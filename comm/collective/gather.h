#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// One hop: everyone sends its encoded fragment to every other contributor, chunk by chunk, and
// everyone aggregates all of them in the closed order. The result is fp32 whatever is wanted, since
// it is not sent; its bits are those of direct with an fp32 result. Each member sends (M-1)c bytes.
class GatherCollective : public Collective {
 public:
  std::string_view name() const override { return "gather"; }
  const Codec& result_codec(const Codec& wanted) const override;
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
