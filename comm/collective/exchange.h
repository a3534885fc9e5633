#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// What the collectives have in common.

// Internal unless the exchange keeps what collective.h requires of it.
Status check_exchange(const Exchange& exchange, MemberId self);

// Aggregates one shard (or the whole fragment), which begins at `offset`, in the closed order.
// Corruption names the contributor whose bytes do not decode, and sets failed_peer to it.
Status aggregate_contributions(const Exchange& exchange,
                               std::span<const std::span<const std::byte>> contributions,
                               const Reducer& reducer, const Codec& result_codec,
                               std::size_t offset, std::size_t elements, std::span<std::byte> out,
                               std::optional<MemberId>& failed_peer);

}  // namespace outrigger
