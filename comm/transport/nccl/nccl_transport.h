#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <outrigger/comm/transport/nccl/core.h>
#include <outrigger/comm/transport/nccl/nccl_groups.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// Moves payloads over NCCL, or whatever `links` are (link_maker.h), and everything else over
// another transport, the control transport: a message is offered there, with its frame header, and
// granted once its recv is there; only then do both ends put it on the link between them, in the
// same order. So names, tags, deadlines, attempts, limits and lost peers are the control
// transport's, no device waits for a message that nobody sends, and a peer cannot fill a device's
// memory.
//
// There is one link each way between two members, made when it is first needed: its receiver takes
// the unique id and sends it with the grants. A link that fails, or keeps a message longer than its
// deadline, is given up with what is on it, and the next message makes a new one. A link's order
// needs what was granted: a message that its receiver has given up is still sent, and thrown away
// where it arrives; for one that its sender gave up, zeros of its length are, so that the payload
// need not be kept, and the receiver says so. Its sender waits for that grant as long as its
// deadline and `patience` say (a few hundred bytes each until then); a receiver with a later
// deadline that grants it after that finds nobody, and the link is made anew.
//
// Unlike over gRPC, a send is done when the payload has left: of bytes that were altered on the way
// only the receiver learns. NCCL does not encrypt and opens ports of its own (NCCL_SOCKET_IFNAME
// says on which interfaces): it is for networks that are trusted. The bytes counted are those of
// payloads and frame headers, not of offers and answers.
class NcclTransport : public Transport {
 public:
  // `control` is this transport's alone from here on; control() lends it for what is no round's.
  NcclTransport(std::unique_ptr<Transport> control, std::shared_ptr<LinkMaker> links,
                NcclOptions options = {});
  ~NcclTransport() override;

  MemberId self() const override { return core_->control->self(); }
  std::string address() const override { return core_->control->address(); }
  Status add_peer(MemberId peer, const std::string& address) override;
  void peer_lost(MemberId peer, Status why) override;
  void abort_before(RoundId round, AttemptId attempt) override;
  // Internal for a tag with a hop between 2^30 and 2^32 - 2^30: those are taken.
  Operation send(MemberId to, const Tag& tag, std::uint32_t codec, std::uint64_t elements,
                 SharedBytes payload, TimePoint deadline) override;
  Operation recv(MemberId from, const Tag& tag, Expected expected, std::span<std::byte> dest,
                 TimePoint deadline) override;
  Transport& control() override { return *core_->control; }
  Groups* groups() override { return &groups_; }
  std::uint64_t bytes_sent() const override { return core_->rendezvous->bytes_sent; }
  std::uint64_t bytes_received() const override { return core_->rendezvous->bytes_received; }

 private:
  struct Peer;
  using State = std::shared_ptr<Operation::State>;
  bool linked(MemberId peer) const;
  std::shared_ptr<Peer> find(MemberId peer);
  // Waits for the answer to an offer that is about to be made.
  Operation await_answer(const std::shared_ptr<Peer>& peer, const Tag& tag, const State& state,
                         SharedBytes payload);

  const std::shared_ptr<NcclCore> core_;
  NcclGroups groups_{core_};
  std::mutex mutex_;
  std::map<MemberId, std::shared_ptr<Peer>> peers_;
  std::vector<std::shared_ptr<Peer>> replaced_;  // closed; their threads may take a while to end
};

}  // namespace outrigger
