#pragma once

#include <cstdint>
#include <functional>

#include <outrigger/comm/transport/nccl/core.h>

namespace outrigger {

// How the two ends of a link keep each other from waiting for an end that has given up.

// Tells the peer that this member's end has given the generation up. Returns at once.
void tell_broken(const std::shared_ptr<NcclCore>& core, MemberId peer, LinkEnd own,
                 std::uint64_t generation);

// Calls `broken` once, with the reason: when the peer's end says so or the control transport loses
// the peer; or with Cancelled, after the operation's cancel().
Operation listen_for_broken(NcclCore& core, MemberId peer, LinkEnd peers, std::uint64_t generation,
                            std::function<void(const Status& why)> broken);

// What became of an operation of the control transport, without what it calls itself.
Status reason(const Status& status, const std::string& what);

}  // namespace outrigger
