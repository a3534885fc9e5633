#include <outrigger/comm/collective/hierarchical.h>

#include <algorithm>
#include <map>

#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/partial.h>

namespace outrigger {
namespace {

// Contributions to the head, partial means to a shard's owner, results to the heads, and down.
enum SiteHop : std::uint32_t { kUp, kAcross, kBack, kDown };

// The members' places by site; the first of each is its head. Sites are in the order of the heads.
std::vector<std::vector<std::size_t>> sites_of(std::span<const std::uint32_t> sites,
                                               std::size_t members) {
  std::map<std::uint32_t, std::size_t> known;
  std::vector<std::vector<std::size_t>> all;
  for (std::size_t k = 0; k < members; ++k) {
    const std::size_t at =
        sites.empty() ? all.size() : known.try_emplace(sites[k], all.size()).first->second;
    if (at == all.size()) all.emplace_back();
    all[at].push_back(k);
  }
  return all;
}

std::vector<std::vector<Chunk>> site_chunks(std::size_t elements, std::size_t sites,
                                            const Codec& codec, const Codec& result_codec) {
  const Codec* codecs[] = {&codec, &result_codec};
  return cut_all_chunks(cut_shards(elements, sites), codecs);
}

std::uint64_t weight_of(const Exchange& exchange) {
  std::uint64_t sum = 0;
  for (const std::uint64_t weight : exchange.weights) sum += weight;
  return sum;
}

class SiteRun {
 public:
  SiteRun(Transport& transport, const Reducer& reducer, const Exchange& exchange,
          TimePoint deadline, std::stop_token stop, std::optional<MemberId>& failed_peer);
  Result<Exchanged> run();

 private:
  bool is_head() const { return site_.contributors.front() == self_; }
  std::vector<Chunk> in_turns() const;
  void follow();
  void lead();
  bool has_room();
  Status form_partial(const Chunk& chunk, const Arrived& arrived);
  Status reduce(const Chunk& chunk, const Arrived& arrived);
  void hand_down(const Chunk& chunk);
  SharedBytes own_bytes(const Chunk& chunk) const {
    return bytes_of(*exchange_.codec, exchange_.own, chunk);
  }

  const Reducer& reducer_;
  const Exchange& exchange_;
  const MemberId self_;
  Exchange site_, heads_;
  std::vector<MemberId> members_, other_heads_;  // of this site, and of the others
  std::vector<std::vector<Chunk>> shards_;       // one a head
  std::vector<std::size_t> owner_of_;            // of each chunk
  // Of a head whose site has others: its site's means of its own shard, until they are used, and
  // all that are still somewhere.
  std::map<std::uint32_t, SharedBytes> partials_;
  std::vector<std::weak_ptr<const ByteBuffer>> alive_;
  const Exchanged result_;
  std::optional<MemberId>& failed_peer_;
  Pipeline pipeline_;
};

SiteRun::SiteRun(Transport& transport, const Reducer& reducer, const Exchange& exchange,
                 TimePoint deadline, std::stop_token stop, std::optional<MemberId>& failed_peer)
    : reducer_(reducer),
      exchange_(exchange),
      self_(transport.self()),
      result_(empty_result(exchange, *exchange.result_codec)),
      failed_peer_(failed_peer),
      pipeline_(transport, exchange, deadline, std::move(stop)) {
  const auto sites = sites_of(exchange.sites, exchange.contributors.size());
  std::vector<std::size_t> heads;
  std::vector<std::uint64_t> sums;
  for (const auto& places : sites) {
    Exchange site = part_of(exchange, places);
    heads.push_back(places.front());
    sums.push_back(weight_of(site));
    if (std::ranges::find(site.contributors, self_) != site.contributors.end())
      site_ = std::move(site);
  }
  heads_ = part_of(exchange, heads);
  heads_.weights = sums;
  heads_.norms.clear();
  members_ = others_of(site_, self_);
  other_heads_ = others_of(heads_, self_);
  shards_ = site_chunks(exchange.elements, sites.size(), *exchange.codec, *exchange.result_codec);
  for (std::size_t s = 0; s < shards_.size(); ++s)
    owner_of_.insert(owner_of_.end(), shards_[s].size(), s);
}

// The first chunk of every shard, the second of every shard, ...: all owners have work at once.
std::vector<Chunk> SiteRun::in_turns() const {
  std::vector<Chunk> order;
  for (std::size_t k = 0; order.size() < owner_of_.size(); ++k)
    for (const auto& shard : shards_)
      if (k < shard.size()) order.push_back(shard[k]);
  return order;
}

void SiteRun::follow() {
  const MemberId head = site_.contributors.front();
  // A stream a shard: only within a shard do the results come in a fixed order.
  for (const std::vector<Chunk>& shard : shards_)
    pipeline_.receive({.peers = {head},
                       .messages = messages_of(kDown, shard, *result_.codec),
                       .whole = result_.bytes});
  for (const Chunk& chunk : in_turns())
    pipeline_.send(head, {kUp, chunk, exchange_.codec}, own_bytes(chunk));
}

void SiteRun::lead() {
  const auto self = std::ranges::find(heads_.contributors, self_) - heads_.contributors.begin();
  const std::vector<Chunk>& own_shard = shards_[static_cast<std::size_t>(self)];
  if (!members_.empty())
    pipeline_.receive(
        {.peers = members_,
         .messages = messages_of(kUp, in_turns(), *exchange_.codec),
         .take = [this](const auto& message,
                        const auto& arrived) { return form_partial(message.chunk, arrived); },
         .ready = [this](std::size_t) { return has_room(); },
         .at_hand = true});
  pipeline_.receive({.peers = other_heads_,
                     .messages = messages_of(kAcross, own_shard, *exchange_.codec),
                     .take = [this](const auto& message,
                                    const auto& arrived) { return reduce(message.chunk, arrived); },
                     .ready =
                         [this, &own_shard](std::size_t index) {
                           return members_.empty() || partials_.contains(own_shard[index].number);
                         }});
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    const MemberId owner = heads_.contributors[s];
    if (owner == self_) continue;
    pipeline_.receive({.peers = {owner},
                       .messages = messages_of(kBack, shards_[s], *result_.codec),
                       .whole = result_.bytes,
                       .take = [this](const auto& message, const auto&) {
                         hand_down(message.chunk);
                         return Status();
                       }});
    if (!members_.empty()) continue;
    for (const Chunk& chunk : shards_[s])
      pipeline_.send(owner, {kAcross, chunk, exchange_.codec}, own_bytes(chunk));
  }
}

// The site's means take no more memory than a window, however slow the link to their owners.
bool SiteRun::has_room() {
  std::erase_if(alive_, [](const auto& partial) { return partial.expired(); });
  std::size_t bytes = 0;
  for (const auto& partial : alive_)
    if (const auto held = partial.lock()) bytes += held->size();
  return bytes < Pipeline::kWindowBytes;
}

Status SiteRun::form_partial(const Chunk& chunk, const Arrived& arrived) {
  SharedBytes partial = own_bytes(chunk);
  if (weight_of(site_) != 0) {
    const auto buffer = exchange_.staging.take(exchange_.codec->encoded_bytes(chunk.elements));
    const Status status =
        aggregate_chunk(site_, self_, own_bytes(chunk).bytes, chunk, arrived.bytes, reducer_,
                        *exchange_.codec, *buffer, failed_peer_);
    if (!status.ok()) return status;
    partial = SharedBytes(buffer);
    alive_.push_back(buffer);
  }
  const MemberId owner = heads_.contributors[owner_of_[chunk.number]];
  if (owner == self_)
    partials_[chunk.number] = partial;
  else
    pipeline_.send(owner, {kAcross, chunk, exchange_.codec}, partial);
  return {};
}

Status SiteRun::reduce(const Chunk& chunk, const Arrived& arrived) {
  const auto partial = partials_.find(chunk.number);
  const SharedBytes own = partial == partials_.end() ? own_bytes(chunk) : partial->second;
  const auto out = bytes_of(*result_.codec, std::span(*result_.bytes), chunk);
  const Status status = aggregate_chunk(heads_, self_, own.bytes, chunk, arrived.bytes, reducer_,
                                        *result_.codec, out, failed_peer_);
  if (!status.ok()) return status;
  partials_.erase(chunk.number);
  for (const MemberId& head : other_heads_)
    pipeline_.send(head, {kBack, chunk, result_.codec}, {out, result_.bytes});
  hand_down(chunk);
  return {};
}

void SiteRun::hand_down(const Chunk& chunk) {
  for (const MemberId& member : members_)
    pipeline_.send(member, {kDown, chunk, result_.codec},
                   bytes_of(*result_.codec, SharedBytes(result_.bytes), chunk));
}

Result<Exchanged> SiteRun::run() {
  if (is_head())
    lead();
  else
    follow();
  return run_pipeline(pipeline_, result_, failed_peer_);
}

}  // namespace

std::vector<std::uint64_t> HierarchicalCollective::bytes_sent(const ExchangeSize& size) const {
  const auto sites = sites_of(size.sites, size.members);
  const auto shards = site_chunks(size.elements, sites.size(), *size.codec, *size.result_codec);
  std::vector<std::uint64_t> sent(size.members, 0);
  for (std::size_t owner = 0; owner < sites.size(); ++owner)
    for (const Chunk& chunk : shards[owner]) {
      const std::uint64_t up = size.codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
      const std::uint64_t down =
          size.result_codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
      for (std::size_t s = 0; s < sites.size(); ++s) {
        const std::vector<std::size_t>& places = sites[s];
        sent[places.front()] += (places.size() - 1) * down;
        sent[places.front()] += s == owner ? (sites.size() - 1) * down : up;
        for (std::size_t k = 1; k < places.size(); ++k) sent[places[k]] += up;
      }
    }
  return sent;
}

Result<Exchanged> HierarchicalCollective::run(Transport& transport, const Reducer& reducer,
                                              const Exchange& exchange, TimePoint deadline,
                                              std::stop_token stop,
                                              std::optional<MemberId>& failed_peer) const {
  const Status valid = check_decomposable(exchange, transport.self(), reducer, name());
  if (!valid.ok()) return valid;
  return SiteRun(transport, reducer, exchange, deadline, std::move(stop), failed_peer).run();
}

}  // namespace outrigger
