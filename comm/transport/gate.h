#pragma once

#include <map>
#include <optional>

#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// Whom a transport talks to, and about which attempts: peers known, replaced and lost, attempts
// given up. Pure bookkeeping, shared by all transports; not thread-safe.
class Gate {
 public:
  // The older incarnation that `peer` replaces, if any. A peer that was lost and is added again is
  // known again. FailedPrecondition if a later incarnation is known.
  Result<std::optional<MemberId>> add(MemberId peer);
  void lose(MemberId peer, Status why);
  void abort_before(RoundId round, AttemptId attempt);

  // NotFound: never added. FailedPrecondition: replaced by a later incarnation. Or why it was lost.
  Status check_peer(MemberId peer) const;
  // Aborted if a later attempt at the tag's round has replaced the tag's.
  Status check_attempt(const Tag& tag) const;

 private:
  struct Place {  // what an island's successive incarnations have in common
    std::uint32_t island = 0;
    std::uint32_t worker = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Peer {
    MemberId member;
    Status lost;  // Ok while it is not
  };
  std::map<Place, Peer> peers_;
  std::map<RoundId, AttemptId> floors_;  // the lowest attempt still wanted
};

}  // namespace outrigger
