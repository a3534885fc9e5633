#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include <outrigger/comm/buffer_pool.h>
#include <outrigger/comm/clock.h>
#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/collective/link_use.h>
#include <outrigger/comm/collective/reducer.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// One attempt at a round, as the close fixed it. All members are given equal values but for `own`.
struct Exchange {
  RoundId round;
  AttemptId attempt;
  std::vector<MemberId> contributors;      // in the closed order: the order of aggregation
  std::vector<std::uint64_t> weights;      // one a contributor
  std::vector<std::vector<double>> norms;  // likewise, as announced; or empty
  // Of the shards, in order; each is a contributor. `ring` sends along this order; `gather`,
  // `hierarchical` and `all_reduce` take no notice.
  std::vector<MemberId> owners;
  std::vector<std::uint64_t> shares;  // of the fragment, one an owner, any scale; empty: equal
  std::vector<std::uint32_t> sites;   // of the contributors, one each; `hierarchical` only
  std::size_t elements = 0;
  const Codec* codec = nullptr;
  const Codec* result_codec = nullptr;
  SharedBytes own;     // this member's encoded fragment; empty if it does not contribute
  Rounding rounding;   // of the result when it is encoded; equal for all members
  BufferPool buffers;  // for the result
  BufferPool staging;  // for chunks on their way, which so never take a result's memory
};

// The result that every contributor ends with, to the bit (with gossip: every member of a group).
struct Exchanged {
  const Codec* codec = nullptr;  // of `bytes`
  std::shared_ptr<ByteBuffer> bytes;
  Hash128 hash;                     // hash128(*bytes): what the vote carries
  std::optional<MemberId> slowest;  // whose messages were waited for longest
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::vector<LinkUse> links;  // as far as they were measured: a single message tells nothing
};

// What the bytes of an exchange follow from.
struct ExchangeSize {
  std::size_t members = 1;
  std::size_t elements = 0;
  const Codec* codec = nullptr;
  const Codec* result_codec = nullptr;
  std::vector<std::uint32_t> sites{};  // one a member; empty: each its own
};

// Turns every contributor's encoded fragment into the reduced one, over any transport. Stateless.
// Beyond the contribution, which is the caller's, a run takes memory for the result and, of each
// peer, for two windows (Pipeline::kWindowBytes): one of messages that are here and not yet taken,
// and over gRPC one of messages of which parts are here. `hierarchical`: at a site's head one more,
// of the site's means.
class Collective {
 public:
  virtual ~Collective() = default;
  virtual std::string_view name() const = 0;
  // The codec in which this collective hands out results when the recipe asks for `wanted`.
  virtual const Codec& result_codec(const Codec& wanted) const = 0;
  // Whether it aggregates some of the contributions first, then the rest with their mean: then the
  // reducer has to be decomposable.
  virtual bool combines_partials() const { return false; }
  // What each member hands to the wire, frame headers included, in the order of the members, if
  // all of them own shards of equal size.
  virtual std::vector<std::uint64_t> bytes_sent(const ExchangeSize& size) const = 0;
  // Blocks until the result is whole, a peer is lost, the deadline passes or stop is requested; on
  // failure no operation is left pending, and failed_peer is set to whose message or bytes it was,
  // if to one member's, and only then. REQUIRES: transport.self() is a contributor.
  virtual Result<Exchanged> run(Transport& transport, const Reducer& reducer,
                                const Exchange& exchange, TimePoint deadline, std::stop_token stop,
                                std::optional<MemberId>& failed_peer) const = 0;
};

// "direct", "gather", "star", "ring", "hierarchical", "gossip" or "all_reduce"; NotFound names what
// exists.
Result<const Collective*> find_collective(std::string_view name);

// `topology: auto`: what moves fewer bytes among `members`; gather costs (M-1)c bytes a parameter
// and direct (M-1)/M (c + r). A tie goes to direct, which shares the aggregation out.
std::string_view choose_collective(std::size_t members, const Codec& codec,
                                   const Codec& result_codec);

}  // namespace outrigger
