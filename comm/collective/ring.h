#pragma once

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

// Reduce-scatter and all-gather along a ring, in chunks. The ring's order is that of
// Exchange::owners, who are all contributors. Chunk n starts at place n mod M: hop 0 carries that
// member's contribution as it was encoded; each next member adds its own to the running weighted
// mean, which travels on in the result codec, encoded with the exchange's rounding. The last of the
// M encodes what becomes the result; M-1 more hops hand those bytes on verbatim. Each member
// sends 1/M c + (2M-3)/M r bytes, to one peer only, and receives as much: no more than direct for
// c = r, and each link is used one way.
//
// No link is measured (Exchanged::links): of what the member before sends, only its first
// contributions wait for nobody, and those share the link with all that follows.
//
// All members end with the same bits; they depend on the order of the ring, and for 3 members and
// more are no other collective's: a running mean is rounded at every hop. Of 2 members it is
// direct's result, to the bit, in any codecs. Needs a decomposable reducer.
class RingCollective : public Collective {
 public:
  std::string_view name() const override { return "ring"; }
  const Codec& result_codec(const Codec& wanted) const override { return wanted; }
  bool combines_partials() const override { return true; }
  std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const override;
  Result<Exchanged> run(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                        TimePoint deadline, std::stop_token stop,
                        std::optional<MemberId>& failed_peer) const override;
};

}  // namespace outrigger
