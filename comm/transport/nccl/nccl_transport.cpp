#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/incoming.h>
#include <outrigger/comm/transport/nccl/nccl_transport.h>
#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/outgoing.h>

namespace outrigger {

struct NcclTransport::Peer {
  Peer(MemberId who, const std::shared_ptr<NcclCore>& core)
      : member(who),
        in(std::make_shared<Incoming>(who, core)),
        out(std::make_shared<Outgoing>(who, core)) {}
  void break_links(const Status& why) {
    in->break_link(why);
    out->break_link(why);
  }
  void close(const Status& why) {
    in->close(why);
    out->close(why);
  }
  void join() {
    in->join();
    out->join();
  }

  const MemberId member;
  const std::shared_ptr<Incoming> in;
  const std::shared_ptr<Outgoing> out;
};

namespace {

// What became of an operation of the control transport that is called as this one is.
Status told(const Status& status, const Operation::State& state) {
  return status.message().starts_with(state.what()) ? status : status.with_context(state.what());
}

const Status kStartedAnew(Code::kUnavailable, "it has started anew");

Status check_tag(const Tag& tag) {
  if (is_free(tag)) return {};
  return {Code::kInternal,
          fmt::format("hop {} is one of those that this transport takes for itself", tag.hop)};
}

// The control transport's own figure has offers and answers in it.
Operation counted(Operation operation, const std::shared_ptr<Rendezvous>& book,
                  void (Rendezvous::*count)(const Tag&, std::size_t), const Tag& tag,
                  std::size_t bytes) {
  operation.on_end([book, count, tag, bytes](const Status& status) {
    if (status.ok()) ((*book).*count)(tag, bytes);
  });
  return operation;
}

// An offer that ends so may have been taken all the same.
bool given_up(const Status& status) {
  return status.code() == Code::kCancelled || status.code() == Code::kAborted ||
         status.code() == Code::kDeadlineExceeded;
}

TimePoint later(TimePoint deadline, Duration by) {
  return deadline > TimePoint::max() - by ? TimePoint::max() : deadline + by;
}

}  // namespace

NcclTransport::NcclTransport(std::unique_ptr<Transport> control, std::shared_ptr<LinkMaker> links,
                             NcclOptions options)
    : core_(new NcclCore{std::move(control), std::move(links), std::move(options)}) {}

NcclTransport::~NcclTransport() {
  const Status closed(Code::kUnavailable, to_string(self()) + " has closed its transport");
  core_->rendezvous->close(closed);
  for (auto& [member, peer] : peers_) peer->close(closed);
  for (auto& [member, peer] : peers_) peer->join();
  for (const auto& peer : replaced_) peer->join();
  core_->clerk.close();
  core_->control.reset();  // its operations end, and with them what they hold
}

std::shared_ptr<NcclTransport::Peer> NcclTransport::find(MemberId peer) {
  const std::lock_guard lock(mutex_);
  const auto at = peers_.find(peer);
  return at == peers_.end() ? nullptr : at->second;
}

Status NcclTransport::add_peer(MemberId peer, const std::string& address) {
  if (const Status added = core_->control->add_peer(peer, address); !added.ok()) return added;
  std::vector<std::shared_ptr<Peer>> replaced;
  {
    const std::lock_guard lock(mutex_);
    if (const Status added = core_->rendezvous->add_peer(peer); !added.ok()) return added;
    std::erase_if(peers_, [&](const auto& entry) {
      const MemberId& member = entry.first;
      if (member.island != peer.island || member.worker != peer.worker || member == peer)
        return false;
      replaced.push_back(entry.second);
      return true;
    });
    std::shared_ptr<Peer>& known = peers_[peer];
    if (!known) known = std::make_shared<Peer>(peer, core_);
    replaced_.insert(replaced_.end(), replaced.begin(), replaced.end());
  }
  for (const auto& old : replaced)
    old->close({Code::kUnavailable, fmt::format("{} has started anew as incarnation {}",
                                                to_string(old->member), peer.incarnation)});
  return {};
}

void NcclTransport::peer_lost(MemberId peer, Status why) {
  core_->rendezvous->peer_lost(peer, why);
  core_->control->peer_lost(peer, why);
  if (const auto known = find(peer)) known->break_links(why);
}

void NcclTransport::abort_before(RoundId round, AttemptId attempt) {
  core_->rendezvous->abort_before(round, attempt);
  core_->control->abort_before(round, attempt);
}

Operation NcclTransport::await_answer(const std::shared_ptr<Peer>& peer, const Tag& tag,
                                      const State& state, SharedBytes payload) {
  const auto bytes = std::make_shared<std::array<std::byte, kAnswerBytes>>();
  const Tag at = answer_tag(tag);
  const Operation answer = core_->control->recv(peer->member, at, expected_of(kAnswerBytes), *bytes,
                                                later(state->deadline(), core_->options.patience));
  const std::size_t size = payload.bytes.size();
  const auto kept = std::make_shared<SharedBytes>(std::move(payload));
  answer.on_end([peer, at, state, bytes, size, kept](const Status& status) {
    const Answer said = status.ok() ? unpack_answer(*bytes) : Answer{};
    const Status refused = status.ok() ? said.refused : reason(status, receiving(at, peer->member));
    if (!refused.ok()) {
      state->end(refused.with_context(state->what()));
      return;
    }
    Outgoing::Message message{answer_tag(at), size, {}, state};
    message.given_up = !state->touch([&] { message.payload = *kept; });
    peer->out->granted(said, std::move(message));
  });
  // After its end no touch() reads it any more.
  state->on_end([kept](const Status&) { *kept = {}; });
  return answer;
}

bool NcclTransport::linked(MemberId peer) const {
  return !core_->options.linked || core_->options.linked(self(), peer);
}

Operation NcclTransport::send(MemberId to, const Tag& tag, std::uint32_t codec,
                              std::uint64_t elements, SharedBytes payload, TimePoint deadline) {
  if (const Status status = check_tag(tag); !status.ok())
    return Operation::failed(status.with_context(sending(tag, to)));
  if (!linked(to)) {
    const std::size_t bytes = kFrameHeaderBytes + payload.bytes.size();
    return counted(core_->control->send(to, tag, codec, elements, std::move(payload), deadline),
                   core_->rendezvous, &Rendezvous::count_sent, tag, bytes);
  }
  const auto state = std::make_shared<Operation::State>(deadline, sending(tag, to));
  if (!core_->rendezvous->begin_send(to, tag, state).ok()) return Operation(state);
  const auto peer = find(to);
  if (!peer) {  // just now
    state->end(kStartedAnew.with_context(state->what()));
    return Operation(state);
  }

  const FrameBytes offer = write_frame(codec, elements, payload.bytes);
  const Operation answer = await_answer(peer, tag, state, std::move(payload));
  const Expected size = expected_of(kFrameHeaderBytes);
  const Operation offered =
      core_->control->send(to, tag, size.codec, size.elements, pack(offer), deadline);
  offered.on_end([state, answer](const Status& status) {
    if (status.ok()) return;
    state->end(told(status, *state));
    if (!given_up(status)) answer.cancel();
  });
  // Who gives up still waits for a grant, since the link's order has it: the receiver may have the
  // offer, and grants it as long as its recv waits.
  state->on_end([core = std::weak_ptr(core_), deadline, offered, answer](const Status& status) {
    if (status.ok() || answer.done()) return;
    offered.cancel();
    if (const auto alive = core.lock())
      alive->clerk.cancel_at(answer,
                             later(std::max(deadline, Clock::now()), alive->options.patience));
  });
  return Operation(state);
}

Operation NcclTransport::recv(MemberId from, const Tag& tag, Expected expected,
                              std::span<std::byte> dest, TimePoint deadline) {
  if (const Status status = check_tag(tag); !status.ok())
    return Operation::failed(status.with_context(receiving(tag, from)));
  if (!linked(from))
    return counted(core_->control->recv(from, tag, expected, dest, deadline), core_->rendezvous,
                   &Rendezvous::count_received, tag, kFrameHeaderBytes + dest.size());
  const auto state = std::make_shared<Operation::State>(deadline, receiving(tag, from));
  const PostedRecv posted{from, tag, expected, dest, state};
  const Operation operation = core_->rendezvous->recv(posted);
  if (operation.done()) return operation;
  const auto peer = find(from);
  if (!peer) {  // just now
    state->end(kStartedAnew.with_context(state->what()));
    return operation;
  }

  const auto bytes = std::make_shared<FrameBytes>();
  const Operation offered =
      core_->control->recv(from, tag, expected_of(kFrameHeaderBytes), *bytes, deadline);
  offered.on_end([core = core_, peer, posted, bytes](const Status& status) {
    if (!status.ok()) {
      posted.state->end(told(status, *posted.state));
      return;
    }
    const Result<FrameHeader> header = check_header(posted, *bytes);
    if (header.ok()) return peer->in->offered(posted, *header);
    posted.state->end(header.status());
    refuse(core, posted.from, posted.tag, header.status());
  });
  state->on_end([offered](const Status& status) {
    if (!status.ok()) offered.cancel();
  });
  return operation;
}

}  // namespace outrigger
