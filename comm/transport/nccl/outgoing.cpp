#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/outgoing.h>

namespace outrigger {
namespace {

const Status kReplaced(Code::kUnavailable, "its receiver has given the link up for a new one");

}  // namespace

void Outgoing::end_all(Queue messages, const Status& why) {
  for (const auto& [place, message] : messages)
    message.state->end(why.with_context(message.state->what()));
}

Status Outgoing::check_place(const Answer& answer) const {
  if (!closed_.ok()) return closed_;
  if (answer.generation == 0)
    return {Code::kCorruption, "its receiver named generation 0 of the link: they begin at 1"};
  if (answer.generation < generation_) return kReplaced;
  if (!broken_.ok()) return broken_;
  if (answer.place < next_place_ || queue_.contains(answer.place))
    return {Code::kCorruption, fmt::format("its receiver gave the place {} twice", answer.place)};
  if (answer.place - next_place_ >= kGrantedAhead)
    return {
        Code::kCorruption,
        fmt::format("its receiver gave the place {} while {} is next: no more than {} are given "
                    "ahead",
                    answer.place, next_place_, kGrantedAhead)};
  return {};
}

Outgoing::Queue Outgoing::begin_generation(const Answer& answer) {
  stop_.request_stop();
  stop_ = {};
  broken_ = {};
  generation_ = answer.generation;
  next_place_ = 0;
  id_ = answer.id;
  return std::exchange(queue_, {});
}

// From its first grant on, whichever place that has: the grant of the first may be lost.
void Outgoing::listen(std::uint64_t generation) {
  const Operation notice =
      listen_for_broken(*core_, to_, notice_tag(LinkEnd::kReceiver, generation),
                        [weak = weak_from_this(), generation](const Status& why) {
                          if (const auto self = weak.lock())
                            self->fail(generation, reason_of_notice(why));
                        });
  Operation unneeded = notice;
  {
    const std::lock_guard lock(mutex_);
    if (generation == generation_ && broken_.ok()) std::swap(notice_, unneeded);
  }
  unneeded.cancel();
}

void Outgoing::granted(const Answer& answer, Message message) {
  Queue orphans;
  Status status;
  bool begun = false;
  {
    const std::lock_guard lock(mutex_);
    begun = closed_.ok() && answer.generation > generation_;
    if (begun) orphans = begin_generation(answer);
    status = check_place(answer);
    if (status.ok()) {
      queue_.emplace(answer.place, message);
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
      changed_.notify_one();
    }
  }
  if (begun) listen(answer.generation);
  end_all(std::move(orphans), kReplaced);
  if (!status.ok()) message.state->end(status.with_context(message.state->what()));
}

void Outgoing::break_link(const Status& why) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    generation = generation_;
  }
  if (generation > 0) fail(generation, why);
}

void Outgoing::fail(std::uint64_t generation, Status why) {
  Queue orphans;
  Operation notice;
  {
    const std::lock_guard lock(mutex_);
    if (generation != generation_ || !broken_.ok()) return;
    broken_ = why;
    orphans.swap(queue_);
    std::swap(notice, notice_);
    stop_.request_stop();
    changed_.notify_one();
  }
  notice.cancel();
  tell_broken(core_, to_, notice_tag(LinkEnd::kSender, generation));
  end_all(std::move(orphans), why);
}

void Outgoing::close(const Status& why) {
  Queue orphans;
  Operation notice;
  {
    const std::lock_guard lock(mutex_);
    std::swap(notice, notice_);
    if (closed_.ok()) closed_ = why;
    if (broken_.ok()) broken_ = why;
    orphans.swap(queue_);
    stop_.request_stop();
    changed_.notify_one();
  }
  notice.cancel();
  end_all(std::move(orphans), why);
}

void Outgoing::join() {
  if (thread_.joinable()) thread_.join();
}

std::optional<Outgoing::Next> Outgoing::wait_for_next() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (link_ && (!broken_.ok() || link_generation_ != generation_)) {
      lock.unlock();
      link_.reset();  // may take a while
      lock.lock();
      continue;
    }
    if (!closed_.ok()) return std::nullopt;
    const auto at = queue_.find(next_place_);
    if (at != queue_.end()) {
      ++next_place_;
      Next next{std::move(at->second), generation_, id_, stop_.get_token()};
      queue_.erase(at);
      return next;
    }
    changed_.wait(lock);
  }
}

Status Outgoing::connect(const Next& next, TimePoint deadline) {
  link_generation_ = next.generation;
  auto made = core_->links->connect(next.id, LinkEnd::kSender, deadline, next.stop);
  if (made.ok()) link_ = std::move(*made);
  return made.status();
}

Status Outgoing::transfer(const Next& next) {
  const Slots::Hold slot(core_->sends, next.stop);
  if (!slot.has_place()) return {Code::kCancelled, "the link was stopped"};
  const Message& message = next.message;
  const TimePoint deadline =
      std::max(message.state->deadline(), Clock::now() + core_->options.patience);
  const Status status = link_ ? Status() : connect(next, deadline);
  if (!status.ok()) return status;
  if (message.bytes > 0 && !message.given_up)
    return link_->send(message.payload.bytes, deadline, next.stop);
  return link_->send(ByteBuffer(bytes_on_link(message.bytes)), deadline, next.stop);
}

void Outgoing::run() {
  while (const std::optional<Next> next = wait_for_next()) {
    const auto& state = next->message.state;
    Status status = transfer(*next);
    if (status.ok()) {
      core_->rendezvous->count_sent(next->message.tag, kFrameHeaderBytes + next->message.bytes);
      state->end({});
      continue;
    }
    if (next->stop.stop_requested()) {
      const std::lock_guard lock(mutex_);
      status = next->generation == generation_ ? broken_ : kReplaced;
    } else {
      core_->warn(fmt::format("the link to {} broke, the next message makes a new one: {}",
                              to_string(to_), status.message()));
    }
    state->end(status.with_context(state->what()));
    fail(next->generation, status);
    link_.reset();  // may take a while
  }
}

}  // namespace outrigger
