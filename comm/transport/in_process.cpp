#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/transport/in_process.h>
#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {

struct InProcessNetwork::Shared {
  std::mutex mutex;
  std::map<MemberId, std::shared_ptr<Rendezvous>> members;
  Tamper tamper_frame, tamper_payload;
  VirtualTime* time = nullptr;  // of a network that has one
  std::function<Link(MemberId from, MemberId to)> link;
  std::map<std::pair<MemberId, MemberId>, TimePoint> busy_until;  // the links, by their ends

  Timeline& timeline() const { return time == nullptr ? steady_time() : *time; }
  Duration latency(MemberId from, MemberId to) const {
    return time == nullptr ? Duration{} : link(from, to).latency;
  }

  void after(Duration delay, std::function<void()> event) const {
    if (time == nullptr) return event();
    time->at(time->now() + delay, std::move(event));
  }

  // How long a message that is sent now is on its way.
  Duration way(MemberId from, MemberId to, std::size_t bytes) {
    if (time == nullptr) return {};
    const TimePoint now = time->now();
    const Link taken = link(from, to);
    Duration carried{};
    if (taken.bytes_per_s > 0)
      carried = std::chrono::duration_cast<Duration>(
          std::chrono::duration<double>(static_cast<double>(bytes) / taken.bytes_per_s));
    std::lock_guard lock(mutex);
    TimePoint& free = busy_until[{from, to}];
    free = std::max(free, now) + carried;
    return free + taken.latency - now;
  }

  std::shared_ptr<Rendezvous> find(MemberId member) {
    std::lock_guard lock(mutex);
    const auto at = members.find(member);
    return at == members.end() ? nullptr : at->second;
  }
};

namespace {

// A send on its way: the message lies in the sender's memory until the receiver copies it.
class Message : public Arrival {
 public:
  Message(std::shared_ptr<InProcessNetwork::Shared> network, std::shared_ptr<Rendezvous> sender,
          std::shared_ptr<Rendezvous> receiver, std::shared_ptr<Operation::State> state,
          FrameBytes frame, SharedBytes payload, Duration way_back)
      : network_(std::move(network)),
        sender_(std::move(sender)),
        receiver_(std::move(receiver)),
        state_(std::move(state)),
        frame_(frame),
        payload_(std::move(payload)),
        way_back_(way_back) {}

  void accept(PostedRecv posted) override {
    Status status(Code::kUnavailable, "the receiver has given up");
    const bool sending =
        state_->touch([&] { posted.state->touch([&] { status = copy(posted); }); });
    if (!sending)
      status = {Code::kUnavailable,
                fmt::format("{}: the sender has given up", posted.state->what())};
    posted.state->end(status);
    answer(status);
  }

  void refuse(const Status& why) override { answer(why); }

 private:
  void answer(const Status& status) {
    network_->after(way_back_,
                    [state = state_, status] { state->end(status.with_context(state->what())); });
  }

  Status copy(const PostedRecv& posted) {
    if (network_->tamper_frame) network_->tamper_frame(frame_);
    const Result<FrameHeader> header = check_header(posted, frame_);
    if (!header.ok()) return header.status();
    std::ranges::copy(payload_.bytes, posted.dest.begin());
    if (network_->tamper_payload) network_->tamper_payload(posted.dest);
    const Status status = check_dest(posted, *header);
    sender_->count_sent(posted.tag, frame_.size() + payload_.bytes.size());
    receiver_->count_received(posted.tag, frame_.size() + payload_.bytes.size());
    return status;
  }

  std::shared_ptr<InProcessNetwork::Shared> network_;
  std::shared_ptr<Rendezvous> sender_, receiver_;
  std::shared_ptr<Operation::State> state_;
  FrameBytes frame_;
  const SharedBytes payload_;
  const Duration way_back_;
};

class InProcessTransport : public Transport {
 public:
  InProcessTransport(std::shared_ptr<InProcessNetwork::Shared> network, MemberId self)
      : network_(std::move(network)), self_(self) {
    std::lock_guard lock(network_->mutex);
    network_->members[self_] = rendezvous_;
  }

  ~InProcessTransport() override {
    std::vector<std::shared_ptr<Rendezvous>> others;
    {
      std::lock_guard lock(network_->mutex);
      network_->members.erase(self_);
      for (const auto& entry : network_->members) others.push_back(entry.second);
    }
    const Status gone(Code::kUnavailable, to_string(self_) + " has left");
    rendezvous_->close(gone);
    for (const auto& other : others) other->fail_recvs(self_, gone);
  }

  MemberId self() const override { return self_; }
  std::string address() const override { return {}; }
  Status add_peer(MemberId peer, const std::string&) override {
    return rendezvous_->add_peer(peer);
  }
  void peer_lost(MemberId peer, Status why) override { rendezvous_->peer_lost(peer, why); }
  void abort_before(RoundId round, AttemptId attempt) override {
    rendezvous_->abort_before(round, attempt);
  }
  std::uint64_t bytes_sent() const override { return rendezvous_->bytes_sent; }
  std::uint64_t bytes_received() const override { return rendezvous_->bytes_received; }
  Timeline& timeline() const override { return network_->timeline(); }

  Operation send(MemberId to, const Tag& tag, std::uint32_t codec, std::uint64_t elements,
                 SharedBytes payload, TimePoint deadline) override {
    const auto state =
        std::make_shared<Operation::State>(deadline, sending(tag, to), network_->timeline());
    if (!rendezvous_->begin_send(to, tag, state).ok()) return Operation(state);
    const auto receiver = network_->find(to);
    if (!receiver) {
      state->end({Code::kUnavailable, state->what() + ": it is not, or no longer, running"});
      return Operation(state);
    }
    const FrameBytes frame = write_frame(codec, elements, payload.bytes);
    const Duration way = network_->way(self_, to, frame.size() + payload.bytes.size());
    const auto message =
        std::make_shared<Message>(network_, rendezvous_, receiver, state, frame, std::move(payload),
                                  network_->latency(to, self_));
    network_->after(way, [receiver, from = self_, tag, state, message] {
      if (!state->done()) receiver->arrive(from, tag, message);
    });
    // `weak`: the receiver may hold the message, the message the state, the state this hook.
    state->on_end(
        [receiver, from = self_, tag, weak = std::weak_ptr<Message>(message)](const Status&) {
          if (const auto held = weak.lock()) receiver->withdraw(from, tag, held.get());
        });
    return Operation(state);
  }

  Operation recv(MemberId from, const Tag& tag, Expected expected, std::span<std::byte> dest,
                 TimePoint deadline) override {
    auto state =
        std::make_shared<Operation::State>(deadline, receiving(tag, from), network_->timeline());
    return rendezvous_->recv({from, tag, expected, dest, std::move(state)});
  }

 private:
  std::shared_ptr<InProcessNetwork::Shared> network_;
  std::shared_ptr<Rendezvous> rendezvous_ = std::make_shared<Rendezvous>();
  MemberId self_;
};

}  // namespace

InProcessNetwork::InProcessNetwork(Tamper frame, Tamper payload)
    : shared_(std::make_shared<Shared>()) {
  shared_->tamper_frame = std::move(frame);
  shared_->tamper_payload = std::move(payload);
}

InProcessNetwork::InProcessNetwork(VirtualTime& time,
                                   std::function<Link(MemberId from, MemberId to)> link)
    : shared_(std::make_shared<Shared>()) {
  shared_->time = &time;
  shared_->link = std::move(link);
}

std::unique_ptr<Transport> InProcessNetwork::transport(MemberId self) {
  return std::make_unique<InProcessTransport>(shared_, self);
}

}  // namespace outrigger
