#include <outrigger/framework/bench/lower_bound.h>

#include <algorithm>

#include <outrigger/comm/collective/chunks.h>
#include <outrigger/comm/transport/groups.h>

namespace outrigger {
namespace {

std::vector<std::uint64_t> direct_bytes(const ExchangeCase& what, std::size_t members) {
  std::vector<std::uint64_t> sent(members), received(members);
  const auto shards = cut_shards(what.elements, what.owners.size());
  for (std::size_t s = 0; s < shards.size(); ++s) {
    const std::size_t elements = shards[s].elements;
    const std::size_t there = what.codec->encoded_bytes(elements);
    const std::size_t back = what.result_codec->encoded_bytes(elements);
    for (std::size_t k = 0; k < members; ++k) {
      const bool owns = k == what.owners[s];
      sent[k] += owns ? (members - 1) * back : there;
      received[k] += owns ? (members - 1) * there : back;
    }
  }
  for (std::size_t k = 0; k < members; ++k) sent[k] = std::max(sent[k], received[k]);
  return sent;
}

}  // namespace

std::vector<std::uint64_t> lower_bound_bytes(const ExchangeCase& what, std::size_t members) {
  if (what.collective->name() == "direct") return direct_bytes(what, members);
  if (what.collective->name() == "gather")
    return std::vector<std::uint64_t>(members,
                                      (members - 1) * what.codec->encoded_bytes(what.elements));
  if (what.collective->name() == "all_reduce")
    return std::vector<std::uint64_t>(
        members, all_reduce_bytes(members, what.codec->encoded_bytes(what.elements)));
  return {};
}

}  // namespace outrigger
