#include <fmt/format.h>

#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {
namespace {

Status corrupt(const PostedRecv& posted, const std::string& why) {
  return {Code::kCorruption, fmt::format("refused {} from {}: {}", to_string(posted.tag),
                                         to_string(posted.from), why)};
}

}  // namespace

std::string to_string(const Tag& tag) {
  return fmt::format("{} ({}, hop {}, shard {})", to_string(tag.round), to_string(tag.attempt),
                     tag.hop, tag.shard);
}

std::string sending(const Tag& tag, MemberId to) {
  return fmt::format("sending {} to {}", to_string(tag), to_string(to));
}

std::string receiving(const Tag& tag, MemberId from) {
  return fmt::format("receiving {} from {}", to_string(tag), to_string(from));
}

Result<FrameHeader> check_header(const PostedRecv& posted, std::span<const std::byte> frame) {
  Result<FrameHeader> header = read_frame(frame);
  if (!header.ok()) return corrupt(posted, header.status().message());
  const Status expected = check_frame(*header, posted.expected.codec, posted.expected.elements);
  if (!expected.ok()) return corrupt(posted, expected.message());
  if (header->payload_bytes != posted.dest.size())
    return corrupt(posted, fmt::format("{} bytes announced, {} expected", header->payload_bytes,
                                       posted.dest.size()));
  return header;
}

Status check_dest(const PostedRecv& posted, const FrameHeader& header) {
  const Status status = check_payload(header, posted.dest);
  return status.ok() ? status : corrupt(posted, status.message());
}

void Rendezvous::count_sent(const Tag& tag, std::size_t bytes) {
  if (tag.round != kOutsideRounds) bytes_sent += bytes;
}

void Rendezvous::count_received(const Tag& tag, std::size_t bytes) {
  if (tag.round != kOutsideRounds) bytes_received += bytes;
}

Status Rendezvous::add_peer(MemberId peer) {
  std::optional<MemberId> replaced;
  {
    std::lock_guard lock(mutex_);
    Result<std::optional<MemberId>> added = gate_.add(peer);
    if (!added.ok()) return added.status();
    replaced = *added;
  }
  if (replaced)
    fail_if([&](const Key& key) { return key.peer == *replaced; },
            {Code::kUnavailable, fmt::format("{} has started anew as incarnation {}",
                                             to_string(*replaced), peer.incarnation)});
  return {};
}

void Rendezvous::peer_lost(MemberId peer, const Status& why) {
  {
    std::lock_guard lock(mutex_);
    gate_.lose(peer, why);
  }
  fail_pending(peer, why);
}

void Rendezvous::fail_pending(MemberId peer, const Status& why) {
  fail_if([&](const Key& key) { return key.peer == peer; }, why);
}

void Rendezvous::fail_recvs(MemberId peer, const Status& why) {
  fail_if([&](const Key& key) { return key.peer == peer && key.way == Way::kRecv; }, why);
}

void Rendezvous::abort_before(RoundId round, AttemptId attempt) {
  {
    std::lock_guard lock(mutex_);
    gate_.abort_before(round, attempt);
  }
  fail_if([&](const Key& key) { return key.tag.round == round && key.tag.attempt < attempt; },
          {Code::kAborted,
           fmt::format("{}: {} has replaced this attempt", to_string(round), to_string(attempt))});
}

void Rendezvous::close(const Status& why) {
  {
    std::lock_guard lock(mutex_);
    closed_ = why;
  }
  fail_if([](const Key&) { return true; }, why);
}

void Rendezvous::fail_if(const std::function<bool(const Key&)>& concerned, const Status& why) {
  std::vector<std::shared_ptr<Operation::State>> states;
  std::vector<std::shared_ptr<Arrival>> arrivals;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, state] : operations_)
      if (concerned(key)) states.push_back(state);
    for (auto at = parked_.begin(); at != parked_.end();) {
      if (!concerned(at->first)) {
        ++at;
        continue;
      }
      arrivals.push_back(at->second);
      at = parked_.erase(at);
    }
  }
  for (const auto& state : states) state->end(why.with_context(state->what()));
  for (const auto& arrival : arrivals) arrival->refuse(why);
}

Status Rendezvous::begin(const Key& key, const std::shared_ptr<Operation::State>& state) {
  Status status = closed_;
  if (status.ok()) status = gate_.check_peer(key.peer);
  if (status.ok()) status = gate_.check_attempt(key.tag);
  if (status.ok() && !operations_.try_emplace(key, state).second)
    status = {Code::kInternal, "an operation with the same peer and tag is under way"};
  return status.with_context(state->what());
}

void Rendezvous::forget_at_end(const Key& key, const std::shared_ptr<Operation::State>& state) {
  state->on_end([weak = weak_from_this(), key](const Status& status) {
    const auto self = weak.lock();
    if (!self) return;
    std::shared_ptr<Arrival> copy;  // of a message that came whole after all
    {
      std::lock_guard lock(self->mutex_);
      self->operations_.erase(key);
      self->posted_.erase(key);
      if (key.way == Way::kSend || !status.ok()) return;
      self->remember(key);
      copy = self->take_parked(key);
    }
    if (copy) copy->refuse({});
  });
}

std::shared_ptr<Arrival> Rendezvous::take_parked(const Key& key) {
  const auto node = parked_.extract(key);
  return node ? node.mapped() : nullptr;
}

void Rendezvous::remember(const Key& key) {
  if (!received_.insert(key).second) return;
  received_order_.push_back(key);
  if (received_order_.size() <= kRemembered) return;
  received_.erase(received_order_.front());
  received_order_.pop_front();
}

Status Rendezvous::begin_send(MemberId to, const Tag& tag,
                              const std::shared_ptr<Operation::State>& state) {
  const Key key{to, tag, Way::kSend};
  Status status;
  {
    std::lock_guard lock(mutex_);
    status = begin(key, state);
  }
  if (status.ok())
    forget_at_end(key, state);
  else
    state->end(status);
  return status;
}

Operation Rendezvous::recv(PostedRecv posted) {
  const Key key{posted.from, posted.tag, Way::kRecv};
  const auto state = posted.state;
  Status status;
  {
    std::lock_guard lock(mutex_);
    status = begin(key, state);
  }
  if (status.ok()) {
    forget_at_end(key, state);
    match(key, std::move(posted));
  } else {
    state->end(status);
  }
  return Operation(state);
}

void Rendezvous::wait_again(PostedRecv posted) {
  const Key key{posted.from, posted.tag, Way::kRecv};
  match(key, std::move(posted));
}

void Rendezvous::match(const Key& key, PostedRecv posted) {
  std::shared_ptr<Arrival> arrival;
  {
    std::lock_guard lock(mutex_);
    const auto now = operations_.find(key);
    if (now == operations_.end() || now->second != posted.state) return;  // it has ended
    arrival = take_parked(key);
    if (!arrival) {
      posted_.emplace(key, std::move(posted));
      return;
    }
  }
  arrival->accept(std::move(posted));
}

Status Rendezvous::check_arrival(MemberId from, const Tag& tag) const {
  if (!closed_.ok()) return closed_;
  Status status = gate_.check_peer(from);
  if (status.code() == Code::kNotFound) status = {Code::kPermissionDenied, status.message()};
  if (status.ok()) status = gate_.check_attempt(tag);
  if (!status.ok()) return status;
  if (parked_.contains({from, tag, Way::kRecv}))
    return {Code::kFailedPrecondition, to_string(tag) + " has arrived twice"};
  std::size_t waiting = 0;
  for (const auto& entry : parked_) waiting += entry.first.peer == from;
  if (waiting < kMaxParked || posted_.contains({from, tag, Way::kRecv})) return {};
  return {Code::kResourceExhausted,
          fmt::format("{} messages of {} already wait to be received", waiting, to_string(from))};
}

void Rendezvous::arrive(MemberId from, const Tag& tag, std::shared_ptr<Arrival> arrival,
                        bool again) {
  const Key key{from, tag, Way::kRecv};
  std::optional<PostedRecv> posted;
  std::shared_ptr<Arrival> stale;
  bool known = false;
  Status status;
  {
    std::lock_guard lock(mutex_);
    if (again) stale = take_parked(key);
    known = again && received_.contains(key);
    status = check_arrival(from, tag);
    const auto waiting = posted_.find(key);
    if (status.ok() && waiting != posted_.end()) {
      posted = waiting->second;
      posted_.erase(waiting);
    } else if (status.ok() && !known) {
      parked_.emplace(key, arrival);
    }
  }
  if (stale) stale->refuse({Code::kAborted, to_string(tag) + " was sent again"});
  if (posted)
    arrival->accept(std::move(*posted));
  else if (!status.ok() || known)
    arrival->refuse(status);
}

void Rendezvous::sender_gave_up(MemberId from, const Tag& tag) {
  std::shared_ptr<Operation::State> state;
  {
    std::lock_guard lock(mutex_);
    const auto at = operations_.find({from, tag, Way::kRecv});
    if (at == operations_.end()) return;
    state = at->second;
  }
  state->end({Code::kUnavailable, state->what() + ": the sender has given up"});
}

void Rendezvous::withdraw(MemberId from, const Tag& tag, const Arrival* arrival) {
  std::lock_guard lock(mutex_);
  const auto at = parked_.find({from, tag, Way::kRecv});
  if (at != parked_.end() && at->second.get() == arrival) parked_.erase(at);
}

}  // namespace outrigger
