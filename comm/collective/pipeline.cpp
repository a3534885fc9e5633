#include <outrigger/comm/collective/pipeline.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/codec/frame.h>

namespace outrigger {

Pipeline::Pipeline(Transport& transport, const Exchange& exchange, TimePoint deadline,
                   std::stop_token stop)
    : transport_(transport),
      time_(transport.timeline()),
      round_(exchange.round),
      attempt_(exchange.attempt),
      staging_(exchange.staging),
      deadline_(deadline),
      stop_(std::move(stop)) {}

Pipeline::~Pipeline() {
  finish();
}

Tag Pipeline::tag_of(const ChunkMessage& message) const {
  return {round_, attempt_, message.hop, message.chunk.number};
}

void Pipeline::receive(Stream stream) {
  inbound_.push_back({std::move(stream), 0, 0, {}});
  post(inbound_.size() - 1);
}

void Pipeline::send(MemberId to, const ChunkMessage& message, SharedBytes bytes) {
  outboxes_[to].waiting.push_back({message, std::move(bytes)});
  start_sends(to);
}

void Pipeline::start_sends(MemberId to) {
  Outbox& outbox = outboxes_[to];
  while (!outbox.waiting.empty()) {
    const std::size_t size = outbox.waiting.front().bytes.bytes.size();
    const bool room = outbox.messages < kWindowMessages && outbox.bytes + size <= kWindowBytes;
    if (outbox.messages > 0 && !room) return;
    Outgoing next = std::move(outbox.waiting.front());
    outbox.waiting.pop_front();
    ++outbox.messages;
    outbox.bytes += size;
    bytes_sent_ += kFrameHeaderBytes + size;
    Operation operation =
        transport_.send(to, tag_of(next.message), next.message.codec->wire_id(),
                        next.message.chunk.elements, std::move(next.bytes), deadline_);
    watch({.operation = std::move(operation), .peer = to, .sends = true, .bytes = size});
  }
}

void Pipeline::post(std::size_t index) {
  Inbound& inbound = inbound_[index];
  const Stream& stream = inbound.stream;
  for (;;) {
    const std::size_t next = inbound.taken + inbound.slots.size();
    if (next == stream.messages.size()) return;
    const ChunkMessage& message = stream.messages[next];
    const std::size_t size = message.codec->encoded_bytes(message.chunk.elements);
    const bool room =
        inbound.slots.size() < stream.window_messages && inbound.bytes_ahead + size <= kWindowBytes;
    if (!inbound.slots.empty() && !room) return;
    Slot& slot = inbound.slots.emplace_back();
    slot.size = size;
    slot.missing = stream.peers.size();
    slot.here.resize(stream.peers.size());
    inbound.bytes_ahead += size;
    for (std::size_t k = 0; k < stream.peers.size(); ++k) {
      std::span<std::byte> dest;
      if (stream.whole) {
        dest = bytes_of(*message.codec, *stream.whole, message.chunk);
      } else {
        slot.staged.push_back(staging_.take(size));
        dest = *slot.staged.back();
      }
      slot.bytes.push_back(dest);
      const Expected expected{message.codec->wire_id(), message.chunk.elements};
      const MemberId from = stream.peers[k];
      if (stream.at_hand) {
        Use& use = uses_[from];
        ++use.outstanding;
        if (use.begun && !use.since) use.since = time_.now();
      }
      Operation operation = transport_.recv(from, tag_of(message), expected, dest, deadline_);
      watch({.operation = std::move(operation),
             .peer = from,
             .bytes = size,
             .stream = index,
             .message = next,
             .peer_index = k});
    }
  }
}

void Pipeline::watch(Pending pending) {
  const std::uint64_t id = next_id_++;
  const Operation operation = pending.operation;
  pending_.emplace(id, std::move(pending));
  operation.on_end([queue = queue_, id, &time = time_](const Status& status) {
    {
      const std::lock_guard lock(queue->mutex);
      queue->ended.push_back({id, status, time.now()});
    }
    time.notify(queue->changed);
  });
}

// One message at a time, so that ended sends are followed by others meanwhile.
bool Pipeline::take_one() {
  for (std::size_t tried = 0; tried < inbound_.size(); ++tried) {
    const std::size_t index = (turn_ + tried) % inbound_.size();
    Inbound& inbound = inbound_[index];
    if (inbound.slots.empty() || inbound.slots.front().missing > 0) continue;
    const Stream& stream = inbound.stream;
    if (stream.ready && !stream.ready(inbound.taken)) continue;
    Slot slot = std::move(inbound.slots.front());
    if (stream.take) {
      const Status status = stream.take(stream.messages[inbound.taken], {slot.bytes, slot.staged});
      if (!status.ok()) fail(status, std::nullopt);
    }
    // take() may have added streams, which leaves this one where it is.
    inbound.slots.pop_front();
    inbound.bytes_ahead -= slot.size;
    ++inbound.taken;
    slot = {};  // before others are taken from the pool
    turn_ = index + 1;
    if (failure_.ok()) post(index);
    return true;
  }
  return false;
}

void Pipeline::collect() {
  std::vector<Ended> ended;
  const TimePoint begin = time_.now();
  bool stopped = false, waited = false;
  {
    std::unique_lock lock(queue_->mutex);
    waited = queue_->ended.empty() && !queue_->stopped;
    time_.wait_until(lock, queue_->changed, deadline_,
                     [&] { return queue_->stopped || !queue_->ended.empty(); });
    ended.swap(queue_->ended);
    stopped = queue_->stopped;
  }
  const Duration idle = waited ? time_.now() - begin : Duration{};
  if (stopped)
    fail({Code::kCancelled,
          fmt::format("{} ({}): cancelled", to_string(round_), to_string(attempt_))},
         std::nullopt);
  charge(idle);
  for (const Ended& one : ended) handle(one);
  if (ended.empty() && time_.now() >= deadline_) deadline_passed();
}

void Pipeline::charge(Duration idle) {
  for (const bool at_hand : {true, false}) {
    bool any = false;
    for (const Inbound& inbound : inbound_) {
      if (inbound.stream.at_hand != at_hand || inbound.slots.empty()) continue;
      const Slot& front = inbound.slots.front();
      for (std::size_t k = 0; k < front.here.size(); ++k) {
        if (front.here[k]) continue;
        waited_[inbound.stream.peers[k]] += idle;
        any = true;
      }
    }
    if (any) return;
  }
}

void Pipeline::handle(const Ended& ended) {
  const auto found = pending_.find(ended.id);
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  (void)pending.operation.wait();  // its memory is ours again
  if (!ended.status.ok()) {
    const bool cancelled = ended.status.code() == Code::kCancelled;
    return fail(ended.status, cancelled ? std::nullopt : std::optional(pending.peer));
  }
  if (!pending.sends) return received(pending, ended.at);
  Outbox& outbox = outboxes_[pending.peer];
  --outbox.messages;
  outbox.bytes -= pending.bytes;
  if (failure_.ok()) start_sends(pending.peer);
}

void Pipeline::received(const Pending& pending, TimePoint at) {
  Inbound& inbound = inbound_[pending.stream];
  Slot& slot = inbound.slots[pending.message - inbound.taken];
  slot.here[pending.peer_index] = true;
  --slot.missing;
  bytes_received_ += kFrameHeaderBytes + pending.bytes;
  last_ = pending.peer;
  if (!inbound.stream.at_hand) return;
  Use& use = uses_[pending.peer];
  --use.outstanding;
  // The first message's time is also the time until the peer was there.
  if (use.since) {
    use.sum.bytes += pending.bytes;
    use.sum.busy_s += seconds(at - *use.since);
  }
  use.begun = true;
  use.since.reset();
  if (use.outstanding > 0) use.since = at;
}

void Pipeline::deadline_passed() {
  // Who sends nothing though nobody else is needed; who takes nothing; then who may only wait.
  const auto concerned = [&](const Pending& pending, int pass) {
    const bool at_hand = !pending.sends && inbound_[pending.stream].stream.at_hand;
    return pass == (at_hand ? 0 : pending.sends ? 1 : 2);
  };
  for (int pass = 0; pass < 3; ++pass)
    for (const auto& [id, pending] : pending_)
      if (concerned(pending, pass)) (void)pending.operation.done();
  if (pending_.empty())
    fail({Code::kDeadlineExceeded,
          fmt::format("{} ({}): the deadline has passed", to_string(round_), to_string(attempt_))},
         std::nullopt);
}

void Pipeline::fail(const Status& why, std::optional<MemberId> peer) {
  if (!failure_.ok()) return;
  failure_ = why;
  failed_peer_ = peer;
}

void Pipeline::finish() {
  for (auto& [id, pending] : pending_) pending.operation.cancel();
  for (auto& [id, pending] : pending_) (void)pending.operation.wait();
  pending_.clear();
  inbound_.clear();  // what take() holds on to may point here
  outboxes_.clear();
}

bool Pipeline::finished() const {
  return pending_.empty() && std::ranges::all_of(inbound_, [](const Inbound& inbound) {
           return inbound.taken == inbound.stream.messages.size();
         });
}

Status Pipeline::run() {
  const std::stop_callback on_stop(stop_, [queue = queue_, &time = time_] {
    {
      const std::lock_guard lock(queue->mutex);
      queue->stopped = true;
    }
    time.notify(queue->changed);
  });
  while (failure_.ok() && !finished()) {
    bool news = false;
    {
      const std::lock_guard lock(queue_->mutex);
      news = queue_->stopped || !queue_->ended.empty();
    }
    if (news || !take_one()) collect();
  }
  finish();
  return failure_;
}

std::optional<MemberId> Pipeline::slowest() const {
  // Of those waited for equally long, not at all say, the last that came.
  std::optional<MemberId> slowest = last_;
  Duration longest{};
  if (const auto found = slowest ? waited_.find(*slowest) : waited_.end(); found != waited_.end())
    longest = found->second;
  for (const auto& [peer, waited] : waited_) {
    if (waited <= longest) continue;
    slowest = peer;
    longest = waited;
  }
  return slowest;
}

std::vector<LinkUse> Pipeline::links() const {
  std::vector<LinkUse> all;
  for (const auto& [peer, use] : uses_) {
    if (use.sum.bytes == 0) continue;
    all.push_back(use.sum);
    all.back().peer = peer;
  }
  return all;
}

}  // namespace outrigger
