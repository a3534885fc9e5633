#pragma once

#include <functional>

#include <outrigger/comm/transport/nccl/core.h>

namespace outrigger {

// How the ends of a link keep each other from waiting for an end that has given up. `tag` is
// notice_tag() of the sender's end, or a sum's (wire.h).

// Tells the peer that this member's end has given up. Returns at once.
void tell_broken(const std::shared_ptr<NcclCore>& core, MemberId peer, const Tag& tag);

// Calls `broken` once: Ok when the peer says so, else why it never will: the control transport has
// lost the peer or gives the tag's attempt up; or Cancelled, after the operation's cancel().
Operation listen_for_broken(NcclCore& core, MemberId peer, const Tag& tag,
                            std::function<void(const Status& why)> broken);
// The reason that a link is broken then.
Status reason_of_notice(const Status& why);

// What became of an operation of the control transport, without what it calls itself.
Status reason(const Status& status, const std::string& what);

}  // namespace outrigger
