#include <outrigger/comm/collective/ring.h>

#include <algorithm>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/codec/frame.h>
#include <outrigger/comm/collective/direct.h>
#include <outrigger/comm/collective/partial.h>

namespace outrigger {
namespace {

// Chunks come in groups of M, one that starts at each place of the ring. Of one lane a member works
// on one group at a time; several lanes keep the links busy. A lane's next group starts when this
// one's results have come, which needs this member's own partial means to have arrived: so at most
// M - 1 of them wait in a lane, however slow the next member is.
constexpr std::size_t kLanes = 8;
constexpr std::size_t kLeastRingBytes = std::size_t{64} << 10;

std::vector<Chunk> ring_chunks(std::size_t elements, std::size_t members, const Codec& codec,
                               const Codec& result_codec) {
  const std::size_t bytes =
      std::max(codec.encoded_bytes(elements), result_codec.encoded_bytes(elements));
  const std::size_t most = std::max(kLeastRingBytes, Pipeline::kWindowBytes / (kLanes * members));
  const std::size_t wanted = std::clamp(bytes / (8 * members), kLeastRingBytes, most);
  const std::size_t count = (bytes + wanted - 1) / wanted;
  return cut_evenly({0, elements}, (count + members - 1) / members * members);
}

class RingRun {
 public:
  RingRun(Transport& transport, const Reducer& reducer, const Exchange& exchange,
          TimePoint deadline, std::stop_token stop, std::optional<MemberId>& failed_peer)
      : reducer_(reducer),
        exchange_(exchange),
        members_(exchange.owners.size()),
        self_(place_of(transport.self())),
        chunks_(ring_chunks(exchange.elements, members_, *exchange.codec, *exchange.result_codec)),
        result_(empty_result(exchange, *exchange.result_codec)),
        failed_peer_(failed_peer),
        pipeline_(transport, exchange, deadline, std::move(stop)) {
    for (const MemberId& member : exchange.owners)
      weights_.push_back(exchange.weights[std::ranges::find(exchange.contributors, member) -
                                          exchange.contributors.begin()]);
  }

  Result<Exchanged> run();

 private:
  std::size_t place_of(MemberId member) const {
    return std::ranges::find(exchange_.owners, member) - exchange_.owners.begin();
  }
  std::size_t groups() const { return (chunks_.size() + members_ - 1) / members_; }
  MemberId before() const { return exchange_.owners[(self_ + members_ - 1) % members_]; }
  MemberId after() const { return exchange_.owners[(self_ + 1) % members_]; }
  // The group's chunk that starts `back` places before this member.
  const Chunk* chunk(std::size_t group, std::size_t back) const;
  const Codec& codec_of(std::size_t hop) const {
    return hop == 0 ? *exchange_.codec : *exchange_.result_codec;
  }

  void open_lane(std::size_t lane);
  void start(std::size_t group);
  Status add_own(const ChunkMessage& message, const Arrived& arrived);
  Status hand_on(const ChunkMessage& message);

  const Reducer& reducer_;
  const Exchange& exchange_;
  const std::size_t members_;
  const std::size_t self_;  // place in the ring
  const std::vector<Chunk> chunks_;
  std::vector<std::uint64_t> weights_;  // by place
  const Exchanged result_;
  std::optional<MemberId>& failed_peer_;
  Pipeline pipeline_;
};

const Chunk* RingRun::chunk(std::size_t group, std::size_t back) const {
  const std::size_t index = group * members_ + (self_ + members_ - back) % members_;
  return index < chunks_.size() ? &chunks_[index] : nullptr;
}

void RingRun::open_lane(std::size_t lane) {
  Stream partials{.peers = {before()},
                  .messages = {},
                  .take = [this](const auto& message,
                                 const auto& arrived) { return add_own(message, arrived); },
                  .window_messages = 2};
  Stream results{.peers = {before()},
                 .messages = {},
                 .whole = result_.bytes,
                 .take = [this](const auto& message, const auto&) { return hand_on(message); },
                 .window_messages = 2};
  for (std::size_t group = lane; group < groups(); group += kLanes)
    for (std::size_t hop = 0; hop + 1 < members_; ++hop) {
      const auto number = static_cast<std::uint32_t>(hop);
      const auto later = static_cast<std::uint32_t>(hop + members_ - 1);
      if (const Chunk* here = chunk(group, hop + 1))
        partials.messages.push_back({number, *here, &codec_of(hop)});
      if (const Chunk* here = chunk(group, hop))
        results.messages.push_back({later, *here, exchange_.result_codec});
    }
  pipeline_.receive(std::move(partials));
  pipeline_.receive(std::move(results));
  start(lane);
}

void RingRun::start(std::size_t group) {
  const Chunk* own = group < groups() ? chunk(group, 0) : nullptr;
  if (own == nullptr) return;
  pipeline_.send(after(), {0, *own, exchange_.codec},
                 bytes_of(*exchange_.codec, exchange_.own, *own));
}

Status RingRun::add_own(const ChunkMessage& message, const Arrived& arrived) {
  const Chunk& chunk = message.chunk;
  const Codec& result_codec = *exchange_.result_codec;
  const std::size_t first = chunk.number % members_;
  Partial running{arrived.bytes[0], message.codec, exchange_.owners[first], 0};
  for (std::size_t hop = 0; hop <= message.hop; ++hop)
    running.weight += weights_[(first + hop) % members_];
  const Partial own{bytes_of(*exchange_.codec, exchange_.own, chunk).bytes, exchange_.codec,
                    exchange_.owners[self_], weights_[self_]};
  const bool last = message.hop + 2 == members_;
  SharedBytes bytes;
  std::span<std::byte> out;
  if (last) {
    out = bytes_of(result_codec, std::span(*result_.bytes), chunk);
    bytes = {out, result_.bytes};
  } else {
    const auto buffer = exchange_.staging.take(result_codec.encoded_bytes(chunk.elements));
    out = *buffer;
    bytes = SharedBytes(buffer);
  }
  int bad = -1;
  const Status status =
      merge(running, own, chunk, reducer_, result_codec, exchange_.rounding, out, bad);
  if (bad >= 0) failed_peer_ = bad == 0 ? before() : exchange_.owners[self_];
  if (status.ok()) pipeline_.send(after(), {message.hop + 1, chunk, &result_codec}, bytes);
  return status;
}

Status RingRun::hand_on(const ChunkMessage& message) {
  const Chunk& chunk = message.chunk;
  const std::size_t last_hop = 2 * members_ - 3;
  if (message.hop < last_hop)
    pipeline_.send(after(), {message.hop + 1, chunk, message.codec},
                   bytes_of(*message.codec, SharedBytes(result_.bytes), chunk));
  else
    start(chunk.number / members_ + kLanes);
  return {};
}

Result<Exchanged> RingRun::run() {
  for (std::size_t lane = 0; lane < std::min(kLanes, groups()); ++lane) open_lane(lane);
  return run_pipeline(pipeline_, result_, failed_peer_);
}

}  // namespace

std::vector<std::uint64_t> RingCollective::bytes_sent(const ExchangeSize& size) const {
  const std::size_t members = size.members;
  std::vector<std::uint64_t> sent(members, 0);
  if (members == 1) return sent;
  for (const Chunk& chunk : ring_chunks(size.elements, members, *size.codec, *size.result_codec)) {
    const std::uint64_t first = size.codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
    const std::uint64_t later =
        size.result_codec->encoded_bytes(chunk.elements) + kFrameHeaderBytes;
    for (std::size_t hop = 0; hop < 2 * (members - 1); ++hop)
      sent[(chunk.number + hop) % members] += hop == 0 ? first : later;
  }
  return sent;
}

Result<Exchanged> RingCollective::run(Transport& transport, const Reducer& reducer,
                                      const Exchange& exchange, TimePoint deadline,
                                      std::stop_token stop,
                                      std::optional<MemberId>& failed_peer) const {
  const Status valid = check_decomposable(exchange, transport.self(), reducer, name());
  if (!valid.ok()) return valid;
  auto ring = exchange.owners, all = exchange.contributors;
  std::ranges::sort(ring);
  std::ranges::sort(all);
  if (ring != all)
    return Status(Code::kInternal,
                  to_string(exchange.round) + ": the ring is not of all contributors");
  if (all.size() == 1)  // no next member
    return DirectCollective().run(transport, reducer, exchange, deadline, std::move(stop),
                                  failed_peer);
  return RingRun(transport, reducer, exchange, deadline, std::move(stop), failed_peer).run();
}

}  // namespace outrigger
