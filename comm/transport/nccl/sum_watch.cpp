#include <mutex>

#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/sum_watch.h>
#include <outrigger/comm/transport/nccl/wire.h>
#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {

struct SumWatch::State {
  std::stop_source stop;
  std::mutex mutex;
  Status why;
  std::optional<MemberId> lost;

  void end(MemberId member, const Status& reason, bool is_lost) {
    {
      const std::lock_guard lock(mutex);
      if (!why.ok()) return;
      why = reason.with_context(to_string(member));
      if (is_lost) lost = member;
    }
    stop.request_stop();
  }

  // An operation on the member has failed so.
  void fail(MemberId member, const Status& failed, bool is_lost) {
    const Code code = failed.code();
    if (code == Code::kCancelled) return;  // by this member
    end(member, failed, is_lost && code != Code::kAborted && code != Code::kDeadlineExceeded);
  }
};

SumWatch::SumWatch(NcclCore& core, const GroupSum& sum, std::span<const MemberId> others,
                   const std::stop_token& stop)
    : state_(std::make_shared<State>()),
      stopped_(stop, [state = state_] { state->stop.request_stop(); }) {
  const Tag tag = sum_tag(sum.round, sum.attempt, SumMessage::kGivenUp);
  for (const MemberId& member : others)
    notices_.push_back(
        listen_for_broken(core, member, tag, [state = state_, member](const Status& why) {
          if (!why.ok()) return state->fail(member, why, true);
          state->end(member, {Code::kUnavailable, "it has given the sum up"}, false);
        }));
}

SumWatch::~SumWatch() {
  for (const Operation& notice : notices_) notice.cancel();
}

void SumWatch::follow(MemberId member, const Tag& tag, const Operation& sent) {
  sent.on_end([state = state_, member, tag](const Status& status) {
    if (!status.ok()) state->fail(member, reason(status, sending(tag, member)), false);
  });
}

std::stop_token SumWatch::token() const {
  return state_->stop.get_token();
}

Status SumWatch::wait(const Operation& operation) const {
  const std::stop_callback cancel(token(), [&operation] { operation.cancel(); });
  return operation.wait();
}

Status SumWatch::explained(const Status& status) const {
  const std::lock_guard lock(state_->mutex);
  return status.code() == Code::kCancelled && !state_->why.ok() ? state_->why : status;
}

std::optional<MemberId> SumWatch::lost() const {
  const std::lock_guard lock(state_->mutex);
  return state_->lost;
}

}  // namespace outrigger
