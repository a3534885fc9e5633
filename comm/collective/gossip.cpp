#include <algorithm>
#include <numeric>
#include <random>

#include <outrigger/comm/collective/exchange.h>
#include <outrigger/comm/collective/gather.h>
#include <outrigger/comm/collective/gossip.h>

namespace outrigger {

std::vector<std::size_t> gossip_group(const RoundId& round, std::size_t members,
                                      std::size_t member) {
  std::vector<std::size_t> order(members);
  std::iota(order.begin(), order.end(), 0);
  // The engine is the standard's to the bit; its shuffle and distributions are not.
  std::mt19937_64 random(round.number * 0x9e3779b97f4a7c15ULL + round.fragment);
  for (std::size_t left = members; left > 1; --left)
    std::swap(order[left - 1], order[random() % left]);
  const auto at = static_cast<std::size_t>(std::ranges::find(order, member) - order.begin());
  const std::size_t groups = std::max<std::size_t>(1, members / 2);
  const std::size_t group = std::min(at / 2, groups - 1);
  const std::size_t end = group + 1 == groups ? members : 2 * group + 2;
  std::vector<std::size_t> all;
  for (std::size_t k = 2 * group; k < end; ++k) all.push_back(order[k]);
  std::ranges::sort(all);
  return all;
}

const Codec& GossipCollective::result_codec(const Codec& wanted) const {
  return GatherCollective().result_codec(wanted);
}

std::vector<std::uint64_t> GossipCollective::bytes_sent(const ExchangeSize& size) const {
  ExchangeSize group = size;
  group.members = std::min<std::size_t>(size.members, size.members % 2 == 0 ? 2 : 3);
  return std::vector(size.members, GatherCollective().bytes_sent(group).front());
}

Result<Exchanged> GossipCollective::run(Transport& transport, const Reducer& reducer,
                                        const Exchange& exchange, TimePoint deadline,
                                        std::stop_token stop,
                                        std::optional<MemberId>& failed_peer) const {
  const Status valid = check_exchange(exchange, transport.self());
  if (!valid.ok()) return valid;
  const auto& members = exchange.contributors;
  const auto self =
      static_cast<std::size_t>(std::ranges::find(members, transport.self()) - members.begin());
  const Exchange group = part_of(exchange, gossip_group(exchange.round, members.size(), self));
  return GatherCollective().run(transport, reducer, group, deadline, std::move(stop), failed_peer);
}

}  // namespace outrigger
