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

}  // namespace

void refuse(const std::shared_ptr<NcclCore>& core, MemberId sender, const Tag& tag, Status why) {
  // The clerk ends before the core: a plain pointer keeps it from being the core's last owner.
  core->clerk.post([core = core.get(), sender, tag, why = std::move(why)] {
    core->clerk.cancel_at(send_answer(*core, sender, tag, {why, 0, 0, {}}),
                          Clock::now() + core->options.patience);
  });
}

void Incoming::offered(const PostedRecv& posted, const FrameHeader& header) {
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
  std::vector<Operation> answers;
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
  break_link(why);
  for (const Message& message : orphans)
    message.posted.state->end(why.with_context(message.posted.state->what()));
}

void Incoming::join() {
  if (thread_.joinable()) thread_.join();
}

std::vector<Incoming::Message> Incoming::wait_for_batch() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (id_ && !broken_.ok()) {
      lock.unlock();
      drop();
      lock.lock();
      continue;
    }
    if (!closed_.ok()) return {};
    if (!queue_.empty()) break;
    changed_.wait(lock);
  }
  std::vector<Message> batch;
  while (!queue_.empty() && batch.size() < kBatch) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void Incoming::run() {
  for (;;) {
    std::vector<Message> batch = wait_for_batch();
    if (batch.empty()) return;
    const Slots::Hold slot(core_->receives);
    receive_batch(std::move(batch));
  }
}

void Incoming::receive_batch(std::vector<Message> batch) {
  std::erase_if(batch, [&](const Message& message) {
    if (!message.posted.state->done()) return false;
    refuse(core_, from_, message.posted.tag, {Code::kUnavailable, "the receiver has given up"});
    return true;
  });
  if (batch.empty()) return;
  Status status = begin_generation();
  if (status.ok())
    for (Message& message : batch) grant(message);
  for (const Message& message : batch) {
    const auto& state = message.posted.state;
    if (status.ok()) status = receive(message);
    if (!status.ok()) state->end(status.with_context(state->what()));
  }
  const std::lock_guard lock(mutex_);
  answers_.clear();
  if (!status.ok() && broken_.ok()) broken_ = status;
}

Status Incoming::begin_generation() {
  if (id_) return {};
  Result<LinkId> id = core_->links->make_id();
  if (!id.ok()) return id.status();
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
  notice_ = listen_for_broken(*core_, from_, LinkEnd::kSender, generation,
                              [weak = weak_from_this(), generation](const Status& why) {
                                if (const auto self = weak.lock()) self->fail(generation, why);
                              });
  return {};
}

void Incoming::grant(Message& message) {
  const Answer answer{Status(), generation_, next_place_++, *id_};
  message.answer = send_answer(*core_, from_, message.posted.tag, answer);
  const std::lock_guard lock(mutex_);
  answers_.push_back(message.answer);
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
      posted.state->touch([&] {
        std::ranges::copy(piece, posted.dest.begin() + static_cast<std::ptrdiff_t>(offset));
      });
    };
    const TimePoint deadline =
        std::max(posted.state->deadline(), Clock::now() + core_->options.patience);
    status = link_->receive(message.header.payload_bytes, take, deadline, stop_.get_token());
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
  core_->rendezvous->bytes_received += kFrameHeaderBytes + message.header.payload_bytes;
  Status whole;
  posted.state->touch([&] { whole = check_dest(posted, message.header); });
  posted.state->end(whole);
  return {};
}

void Incoming::drop() {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = generation_;
  }
  tell_broken(core_, from_, LinkEnd::kReceiver, generation);
  notice_.cancel();
  link_.reset();  // may take a while
  id_.reset();
}

}  // namespace outrigger
