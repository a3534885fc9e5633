#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// The transport sums (groups.h; of those there are, NCCL's does): each member multiplies its fp32
// values by its factor of the mean, the transport adds up, and each divides once. For plain fp32
// and reducers that are a weighted sum; whoever has a codec to gain by takes another collective.
// Each member is counted as sending 2 (M-1)/M of the fragment's bytes, the least there is; what is
// really sent is the transport's, and no link is measured. Beside the result it takes no memory of
// its own.
//
// All members end with the same bits. Of 1 and of 2 members they are gather's; of more they are no
// other collective's, for the transport adds up in an order of its own.
// FailedPrecondition, which says what to set, without such a transport, codec or reducer.
class AllReduceCollective : public Collective {
 public:
  std::string_view name() const override { return "all_reduce"; }
  const Codec& result_codec(const Codec& wanted) const override;
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
