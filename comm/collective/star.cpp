#include <outrigger/comm/collective/star.h>

#include <outrigger/comm/collective/direct.h>

namespace outrigger {

std::vector<std::uint64_t> StarCollective::bytes_sent(const ExchangeSize& size) const {
  return direct_bytes(size, 1);
}

Result<Exchanged> StarCollective::run(Transport& transport, const Reducer& reducer,
                                      const Exchange& exchange, TimePoint deadline,
                                      std::stop_token stop,
                                      std::optional<MemberId>& failed_peer) const {
  Exchange hub = exchange;
  if (!hub.owners.empty()) hub.owners.resize(1);
  hub.shares.clear();
  return DirectCollective().run(transport, reducer, hub, deadline, std::move(stop), failed_peer);
}

}  // namespace outrigger
