#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/incoming.h>
#include <outrigger/comm/transport/nccl/notice.h>

namespace outrigger {
namespace {

Operation send_answer(NcclCore& core, MemberId to, const Tag& tag, const Answer& answer) {
  const Expected size = expected_of(kAnswerBytes);
  return core.control->send(to, answer_tag(tag), size.codec, size.elements, pack(answer),
                            Clock::now() + core.options.patience);
}

// Zeros go in a given up message's place.
bool is_given_up(std::span<const std::byte> payload) {
  return std::ranges::all_of(payload, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

void refuse(const std::shared_ptr<NcclCore>& core, MemberId sender, const Tag& tag, Status why) {
  // The clerk ends before the core: a plain pointer keeps it from being the core's last owner.
  core->clerk.post([core = core.get(), sender, tag, why = std::move(why)] {
    core->clerk.cancel_at(send_answer(*core, sender, tag, {why, 0, 0, {}}),
                          Clock::now() + core->options.patience);
  });
}

void Incoming::offered(const PostedRecv& posted, const FrameHeader& header) {
  posted.state->blame(
      fmt::format("not asked for yet: the link is busy, or all {} receives of this device are",
                  NcclCore::kAtOnce));
  Status closed;
  {
    const std::lock_guard lock(mutex_);
    closed = closed_;
    if (closed.ok()) {
      queue_.push_back({posted, header});
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
      changed_.notify_one();
    }
  }
  if (!closed.ok()) posted.state->end(closed.with_context(posted.state->what()));
}

void Incoming::break_link(const Status& why) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = generation_;
  }
  if (generation > 0) fail(generation, why);
}

void Incoming::fail(std::uint64_t generation, const Status& why) {
  std::deque<Operation> answers;
  {
    const std::lock_guard lock(mutex_);
    if (generation != generation_ || !broken_.ok()) return;
    broken_ = why;
    answers = answers_;
    stop_.request_stop();
    changed_.notify_one();
  }
  for (const Operation& answer : answers) answer.cancel();
}

void Incoming::close(const Status& why) {
  std::deque<Message> orphans;
  {
    const std::lock_guard lock(mutex_);
    if (closed_.ok()) closed_ = why;
    orphans.swap(queue_);
    changed_.notify_one();
  }
  closing_.request_stop();
  break_link(why);
  for (const Message& message : orphans)
    message.posted.state->end(why.with_context(message.posted.state->what()));
}

void Incoming::join() {
  if (thread_.joinable()) thread_.join();
}

bool Incoming::wait_for_message() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (id_ && !broken_.ok()) {
      lock.unlock();
      drop();
      lock.lock();
      continue;
    }
    if (!closed_.ok()) return false;
    if (!queue_.empty()) return true;
    changed_.wait(lock);
  }
}

std::optional<Incoming::Message> Incoming::take_next() {
  for (;;) {
    Message message;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty() || (id_ && !broken_.ok())) return std::nullopt;
      message = std::move(queue_.front());
      queue_.pop_front();
    }
    message.posted.state->blame({});
    if (!message.posted.state->done()) return message;
    refuse(core_, from_, message.posted.tag, {Code::kUnavailable, "the receiver has given up"});
  }
}

void Incoming::run() {
  while (wait_for_message()) {
    const Slots::Hold slot(core_->receives, closing_.get_token());
    if (slot.has_place()) take_turn(slot);
  }
}

// Grants and receives for as long as no other link wants the slot, else only so many messages.
void Incoming::take_turn(const Slots::Hold& slot) {
  std::deque<Message> granted;
  Status status;
  for (std::size_t count = 0;;) {
    while (status.ok() && granted.size() < kGrantedAhead &&
           (count < kGrantedAhead || !slot.is_wanted())) {
      std::optional<Message> next = take_next();
      if (!next) break;
      ++count;
      status = grant(*next);
      granted.push_back(std::move(*next));
    }
    if (granted.empty()) break;
    const auto& state = granted.front().posted.state;
    if (status.ok()) status = receive(granted.front());
    if (!status.ok()) state->end(status.with_context(state->what()));
    granted.pop_front();
    const std::lock_guard lock(mutex_);
    if (!answers_.empty()) answers_.pop_front();
  }
  const std::lock_guard lock(mutex_);
  if (id_ && !status.ok() && broken_.ok()) broken_ = status;
}

Status Incoming::begin_generation() {
  if (id_) return {};
  Result<LinkId> id = core_->links->make_id();
  if (!id.ok()) {
    core_->warn(
        fmt::format("no link from {} can be made: {}", to_string(from_), id.status().message()));
    return id.status();
  }
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_.ok()) return closed_;
    id_ = *id;
    next_place_ = 0;
    generation = ++generation_;
    broken_ = {};
    stop_ = {};
  }
  notice_ = listen_for_broken(*core_, from_, notice_tag(LinkEnd::kSender, generation),
                              [weak = weak_from_this(), generation](const Status& why) {
                                if (const auto self = weak.lock())
                                  self->fail(generation, reason_of_notice(why));
                              });
  return {};
}

Status Incoming::grant(Message& message) {
  if (const Status status = begin_generation(); !status.ok()) {
    refuse(core_, from_, message.posted.tag, status);
    return status;
  }
  const Answer answer{Status(), generation_, next_place_++, *id_};
  message.answer = send_answer(*core_, from_, message.posted.tag, answer);
  Status broken;
  {
    const std::lock_guard lock(mutex_);
    answers_.push_back(message.answer);
    broken = broken_;
  }
  if (!broken.ok()) message.answer.cancel();
  return broken;
}

Status Incoming::connect(const Message& message) {
  if (link_) return {};
  const TimePoint deadline =
      std::max(message.posted.state->deadline(), Clock::now() + core_->options.patience);
  auto made = core_->links->connect(*id_, LinkEnd::kReceiver, deadline, stop_.get_token());
  if (made.ok()) link_ = std::move(*made);
  return made.status();
}

Status Incoming::receive(const Message& message) {
  const PostedRecv& posted = message.posted;
  // The sender knows from here on that it has to send, and its operation may end as it likes.
  Status status = message.answer.wait();
  if (status.ok()) status = connect(message);
  if (status.ok()) {
    const auto take = [&](std::size_t offset, std::span<const std::byte> piece) {
      if (offset >= posted.dest.size()) return;  // the byte of an empty one
      posted.state->touch([&] {
        std::ranges::copy(piece, posted.dest.begin() + static_cast<std::ptrdiff_t>(offset));
      });
    };
    const TimePoint deadline =
        std::max(posted.state->deadline(), Clock::now() + core_->options.patience);
    status = link_->receive(bytes_on_link(message.header.payload_bytes), take, deadline,
                            stop_.get_token());
  }
  if (!status.ok()) {
    {
      const std::lock_guard lock(mutex_);
      if (!broken_.ok()) return broken_;
    }
    core_->warn(fmt::format("the link from {} broke, the next message makes a new one: {}",
                            to_string(from_), status.message()));
    return status;
  }
  core_->rendezvous->count_received(posted.tag, kFrameHeaderBytes + message.header.payload_bytes);
  Status whole;
  posted.state->touch([&] {
    whole = check_dest(posted, message.header);
    if (!whole.ok() && is_given_up(posted.dest))
      whole = {Code::kUnavailable, posted.state->what() + ": the sender has given up"};
  });
  posted.state->end(whole);
  return {};
}

void Incoming::drop() {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = generation_;
  }
  tell_broken(core_, from_, notice_tag(LinkEnd::kReceiver, generation));
  notice_.cancel();
  link_.reset();  // may take a while
  id_.reset();
}

}  // namespace outrigger
