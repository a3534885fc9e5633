#include <algorithm>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/direct.h>
#include <outrigger/comm/collective/exchange.h>
#include <outrigger/comm/collective/exchange_operations.h>

namespace outrigger {
namespace {

std::span<std::byte> slice(const Codec& codec, ByteBuffer& encoded, const Shard& shard) {
  return std::span(encoded).subspan(codec.encoded_bytes(shard.begin),
                                    codec.encoded_bytes(shard.elements));
}

SharedBytes slice(const Codec& codec, const SharedBytes& encoded, const Shard& shard) {
  return encoded.slice(codec.encoded_bytes(shard.begin), codec.encoded_bytes(shard.elements));
}

// One member's part in one exchange. The members are in the order of their lifetimes: the batch
// goes first, while what its operations write to is still there.
class Run {
 public:
  Run(Transport& transport, const Exchange& exchange, TimePoint deadline, std::stop_token stop)
      : transport_(transport),
        exchange_(exchange),
        deadline_(deadline),
        batch_(deadline, std::move(stop)) {
    result_.codec = exchange.result_codec;
    result_.bytes = exchange.buffers.take(exchange.result_codec->encoded_bytes(exchange.elements));
  }

  Result<Exchanged> run(const Reducer& reducer);
  // Of a run that failed.
  std::optional<MemberId> failed_peer() const { return failed_peer_; }

 private:
  struct Owned {
    std::uint32_t index = 0;
    Shard shard;
    std::vector<std::shared_ptr<ByteBuffer>> staging;       // null for this member's own
    std::vector<std::span<const std::byte>> contributions;  // in the closed order
  };

  void post_first_hop();
  void receive_contributions(std::uint32_t index, const Shard& shard);
  Status reduce(const Owned& owned, const Reducer& reducer);
  Status wait(ExchangeOperations::Group group);
  void send(ExchangeOperations::Group group, MemberId to, std::uint32_t hop, std::uint32_t index,
            const Codec& codec, const Shard& shard, const SharedBytes& bytes);
  void receive(ExchangeOperations::Group group, MemberId from, std::uint32_t hop,
               std::uint32_t index, const Codec& codec, const Shard& shard,
               std::span<std::byte> dest);

  Transport& transport_;
  const Exchange& exchange_;
  const TimePoint deadline_;
  Exchanged result_;
  std::vector<Owned> owned_;
  std::optional<MemberId> failed_peer_;
  ExchangeOperations batch_;
};

void Run::send(ExchangeOperations::Group group, MemberId to, std::uint32_t hop, std::uint32_t index,
               const Codec& codec, const Shard& shard, const SharedBytes& bytes) {
  const Tag tag{exchange_.round, exchange_.attempt, hop, index};
  batch_.add(group, to,
             transport_.send(to, tag, codec.wire_id(), shard.elements, bytes, deadline_));
  result_.bytes_sent += kFrameHeaderBytes + bytes.bytes.size();
}

void Run::receive(ExchangeOperations::Group group, MemberId from, std::uint32_t hop,
                  std::uint32_t index, const Codec& codec, const Shard& shard,
                  std::span<std::byte> dest) {
  const Tag tag{exchange_.round, exchange_.attempt, hop, index};
  const Expected expected{codec.wire_id(), shard.elements};
  batch_.add(group, from, transport_.recv(from, tag, expected, dest, deadline_));
  result_.bytes_received += kFrameHeaderBytes + dest.size();
}

void Run::post_first_hop() {
  for (std::uint32_t s = 0; s < exchange_.owners.size(); ++s) {
    const MemberId owner = exchange_.owners[s];
    const Shard shard = cut_shard(exchange_.elements, s, exchange_.owners.size());
    if (shard.elements == 0) continue;
    if (owner == transport_.self()) {
      receive_contributions(s, shard);
      continue;
    }
    receive(ExchangeOperations::kSecondHop, owner, 1, s, *exchange_.result_codec, shard,
            slice(*exchange_.result_codec, *result_.bytes, shard));
    send(ExchangeOperations::kSends, owner, 0, s, *exchange_.codec, shard,
         slice(*exchange_.codec, exchange_.own, shard));
  }
}

void Run::receive_contributions(std::uint32_t index, const Shard& shard) {
  Owned& owned = owned_.emplace_back();
  owned.index = index;
  owned.shard = shard;
  owned.staging.resize(exchange_.contributors.size());
  for (std::size_t k = 0; k < exchange_.contributors.size(); ++k) {
    const MemberId peer = exchange_.contributors[k];
    const auto own = slice(*exchange_.codec, exchange_.own, shard).bytes;
    owned.contributions.push_back(own);
    if (peer == transport_.self()) continue;
    owned.staging[k] = exchange_.buffers.take(own.size());
    owned.contributions.back() = *owned.staging[k];
    receive(ExchangeOperations::kFirstHop, peer, 0, index, *exchange_.codec, shard,
            *owned.staging[k]);
  }
}

Status Run::reduce(const Owned& owned, const Reducer& reducer) {
  const Codec& codec = *exchange_.result_codec;
  const auto out = slice(codec, *result_.bytes, owned.shard);
  const Status status =
      aggregate_contributions(exchange_, owned.contributions, reducer, codec, owned.shard.begin,
                              owned.shard.elements, out, failed_peer_);
  if (!status.ok()) return status;
  for (const MemberId& peer : exchange_.contributors)
    if (peer != transport_.self())
      send(ExchangeOperations::kSends, peer, 1, owned.index, codec, owned.shard,
           {out, result_.bytes});
  return {};
}

Status Run::wait(ExchangeOperations::Group group) {
  const Status status = batch_.wait(group);
  if (!status.ok()) failed_peer_ = batch_.failed_peer();
  return status;
}

Result<Exchanged> Run::run(const Reducer& reducer) {
  post_first_hop();
  Status status = wait(ExchangeOperations::kFirstHop);
  for (const Owned& owned : owned_)
    if (status.ok()) status = reduce(owned, reducer);
  if (status.ok()) status = wait(ExchangeOperations::kSecondHop);
  if (status.ok()) status = wait(ExchangeOperations::kSends);
  if (!status.ok()) return status;
  result_.hash = hash128(*result_.bytes);
  result_.slowest = batch_.slowest();
  return std::move(result_);
}

}  // namespace

Shard cut_shard(std::size_t elements, std::size_t index, std::size_t count) {
  const std::size_t blocks = (elements + kDriverBlock - 1) / kDriverBlock;
  const std::size_t begin = std::min(elements, blocks * index / count * kDriverBlock);
  const std::size_t end = std::min(elements, blocks * (index + 1) / count * kDriverBlock);
  return {begin, end - begin};
}

Result<Exchanged> DirectCollective::run(Transport& transport, const Reducer& reducer,
                                        const Exchange& exchange, TimePoint deadline,
                                        std::stop_token stop,
                                        std::optional<MemberId>& failed_peer) const {
  const Status valid = check_exchange(exchange, transport.self());
  if (!valid.ok()) return valid;
  if (exchange.owners.empty())
    return Status(Code::kInternal, to_string(exchange.round) + ": no shard has an owner");
  Run run(transport, exchange, deadline, std::move(stop));
  Result<Exchanged> result = run.run(reducer);
  if (!result.ok()) failed_peer = run.failed_peer();
  return result;
}

}  // namespace outrigger
