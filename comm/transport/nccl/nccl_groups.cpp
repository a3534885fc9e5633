#include <algorithm>
#include <array>
#include <condition_variable>
#include <functional>

#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/nccl_groups.h>
#include <outrigger/comm/transport/nccl/notice.h>
#include <outrigger/comm/transport/nccl/sum_watch.h>
#include <outrigger/comm/transport/nccl/wire.h>
#include <outrigger/comm/transport/rendezvous.h>

namespace outrigger {

// The link of some members, at this one. Thread-safe but for `link`, which is for who has the turn.
struct NcclGroups::Group {
  explicit Group(Members all) : members(std::move(all)) {}

  // Has the turn from when nobody else has and `is_next` holds, until it is destroyed.
  class Turn {
   public:
    Turn(Group& group, TimePoint deadline, const std::stop_token& stop,
         const std::function<bool()>& is_next);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Status status() const { return status_; }

   private:
    Group& group_;
    Status status_;
  };

  LinkId current() {
    const std::lock_guard lock(mutex);
    return id;
  }
  // For who has the turn: another link in place of this one, yet without its end.
  void begin(const LinkId& link_id) {
    link.reset();  // may take a while
    const std::lock_guard lock(mutex);
    id = link_id;
    next = 0;
  }
  void count(const LinkId& link_id) {
    const std::lock_guard lock(mutex);
    if (id == link_id) ++next;
  }
  // No sum begins on that link any more, if it still is the group's. One that has the turn keeps
  // its end until then.
  void give_up(const LinkId& link_id) {
    std::unique_ptr<GroupLink> unneeded;
    const std::lock_guard lock(mutex);
    if (id != link_id) return;
    id = {};
    if (!busy) unneeded = std::move(link);
    changed.notify_all();
  }

  const Members members;  // in order; the first leads
  std::mutex mutex;
  std::condition_variable_any changed;
  bool busy = false;       // somebody has the turn
  LinkId id{};             // zeros: there is no link
  std::uint64_t next = 0;  // the place of its next sum
  std::unique_ptr<GroupLink> link;
};

NcclGroups::Group::Turn::Turn(Group& group, TimePoint deadline, const std::stop_token& stop,
                              const std::function<bool()>& is_next)
    : group_(group) {
  std::unique_lock lock(group.mutex);
  const bool is =
      group.changed.wait_until(lock, stop, deadline, [&] { return !group.busy && is_next(); });
  if (is)
    group.busy = true;
  else if (stop.stop_requested())
    status_ = {Code::kCancelled, "the sum was stopped"};
  else
    status_ = {Code::kDeadlineExceeded, "the sums before it on the same link did not end in time"};
}

NcclGroups::Group::Turn::~Turn() {
  if (!status_.ok()) return;
  std::unique_ptr<GroupLink> unneeded;
  const std::lock_guard lock(group_.mutex);
  group_.busy = false;
  if (group_.id == LinkId{}) unneeded = std::move(group_.link);
  group_.changed.notify_all();
}

namespace {

using Group = NcclGroups::Group;

// One member's part in one sum.
class SumRun {
 public:
  SumRun(const std::shared_ptr<NcclCore>& core, Group& group, const GroupSum& sum,
         std::span<float> values, TimePoint deadline, const std::stop_token& stop)
      : core_(core),
        group_(group),
        sum_(sum),
        values_(values),
        deadline_(deadline),
        others_(others()),
        watch_(*core, sum, others_, stop) {}
  Status run(std::optional<MemberId>& failed_peer);

 private:
  std::vector<MemberId> others() const {
    std::vector<MemberId> all = group_.members;
    std::erase(all, core_->control->self());
    return all;
  }
  Tag tag(SumMessage message) const { return sum_tag(sum_.round, sum_.attempt, message); }
  Operation tell(MemberId to, SumMessage message, const Answer& answer);
  Operation hear(MemberId from, SumMessage message, std::span<std::byte> bytes) const;
  // Of a message that did not come. Who is lost, the watch knows.
  Status missing(MemberId from, SumMessage message, const Status& status) const;

  Status lead();
  Result<std::vector<Answer>> hear_all();  // what the others say of themselves
  Answer make_go(const std::vector<Answer>& ready);
  Status follow();
  Result<Answer> hear_go();
  // REQUIRES: has the turn. A failure gives the link up before another sum can have the turn.
  Status sum_up(const Answer& go);
  Status sum_over_link(const Answer& go);

  const std::shared_ptr<NcclCore>& core_;
  Group& group_;
  const GroupSum& sum_;
  const std::span<float> values_;
  const TimePoint deadline_;
  const std::vector<MemberId> others_;
  SumWatch watch_;
  std::optional<MemberId> late_;  // whom the leader waited for
  LinkId over_{};                 // the link that the sum goes over; zeros: not yet known
  bool tells_ = true;             // the others, if this member fails
};

Operation SumRun::tell(MemberId to, SumMessage message, const Answer& answer) {
  const Expected size = expected_of(kAnswerBytes);
  const Operation told =
      core_->control->send(to, tag(message), size.codec, size.elements, pack(answer), deadline_);
  watch_.follow(to, tag(message), told);
  return told;
}

Operation SumRun::hear(MemberId from, SumMessage message, std::span<std::byte> bytes) const {
  return core_->control->recv(from, tag(message), expected_of(kAnswerBytes), bytes, deadline_);
}

Status SumRun::missing(MemberId from, SumMessage message, const Status& status) const {
  return reason(status, receiving(tag(message), from)).with_context(to_string(from));
}

Result<std::vector<Answer>> SumRun::hear_all() {
  std::vector<std::array<std::byte, kAnswerBytes>> bytes(others_.size());
  std::vector<Operation> operations;
  for (std::size_t k = 0; k < others_.size(); ++k)
    operations.push_back(hear(others_[k], SumMessage::kReady, bytes[k]));
  Status status;
  for (std::size_t k = 0; k < others_.size(); ++k) {  // all, for their memory
    const Status heard = watch_.wait(operations[k]);
    if (heard.ok() || !status.ok()) continue;
    status = missing(others_[k], SumMessage::kReady, heard);
    if (heard.code() == Code::kDeadlineExceeded) late_ = others_[k];
    for (const Operation& operation : operations) operation.cancel();
  }
  if (!status.ok()) return status;
  std::vector<Answer> ready;
  for (const auto& answer : bytes) ready.push_back(unpack_answer(answer));
  return ready;
}

Answer SumRun::make_go(const std::vector<Answer>& ready) {
  for (std::size_t k = 0; k < others_.size(); ++k)
    if (ready[k].generation != values_.size())
      return {{Code::kInternal, fmt::format("{} brings {} values and {} {}: their models differ",
                                            to_string(others_[k]), ready[k].generation,
                                            to_string(core_->control->self()), values_.size())},
              0,
              0,
              {}};
  {
    const std::lock_guard lock(group_.mutex);
    const bool all_have_it =
        std::ranges::all_of(ready, [this](const Answer& answer) { return answer.id == group_.id; });
    if (group_.id != LinkId{} && all_have_it) return {Status(), 0, group_.next, group_.id};
  }
  const Result<LinkId> id = core_->links->make_id();
  if (!id.ok()) return {id.status(), 0, 0, {}};
  return {Status(), 0, 0, *id};
}

Status SumRun::lead() {
  const Result<std::vector<Answer>> ready = hear_all();
  if (!ready.ok()) return ready.status();
  const Group::Turn turn(group_, deadline_, watch_.token(), [] { return true; });
  if (!turn.status().ok()) return turn.status();
  const Answer go = make_go(*ready);
  over_ = go.id;
  std::vector<Operation> told;
  for (const MemberId& member : others_) told.push_back(tell(member, SumMessage::kGo, go));
  const Status status = go.refused.ok() ? sum_up(go) : go.refused;
  for (const Operation& operation : told) {
    if (!go.refused.ok()) (void)watch_.wait(operation);  // else the sum has told that it came
    operation.cancel();
  }
  return status;
}

Result<Answer> SumRun::hear_go() {
  const MemberId leader = group_.members.front();
  std::array<std::byte, kAnswerBytes> bytes;
  const Operation going = hear(leader, SumMessage::kGo, bytes);
  const Operation ready =
      tell(leader, SumMessage::kReady, {Status(), values_.size(), 0, group_.current()});
  const Status heard = watch_.wait(going);
  ready.cancel();
  if (heard.ok()) return unpack_answer(bytes);
  // The leader may wait for another member: it is to name that one, not to hear of this one.
  tells_ = heard.code() != Code::kDeadlineExceeded;
  return missing(leader, SumMessage::kGo, heard);
}

Status SumRun::follow() {
  const Result<Answer> go = hear_go();
  if (!go.ok()) return go.status();
  const std::string leader = to_string(group_.members.front());
  if (!go->refused.ok()) return go->refused.with_context(leader);
  if (go->id == LinkId{})
    return {Code::kCorruption, leader + " leads the sum and names no link for it"};
  over_ = go->id;
  const auto is_next = [&] {
    return go->place == 0 || group_.id != go->id || group_.next == go->place;
  };
  const Group::Turn turn(group_, deadline_, watch_.token(), is_next);
  if (!turn.status().ok()) return turn.status();
  if (go->place != 0 && group_.current() != go->id)
    return {Code::kUnavailable, "this member has given up the link that it was to go over"};
  return sum_up(*go);
}

Status SumRun::sum_up(const Answer& go) {
  const Status status = sum_over_link(go);
  if (status.ok())
    group_.count(go.id);
  else
    group_.give_up(go.id);
  return status;
}

Status SumRun::sum_over_link(const Answer& go) {
  const auto& all = group_.members;
  if (go.place == 0) {
    group_.begin(go.id);
    const auto self = std::ranges::find(all, core_->control->self()) - all.begin();
    auto made = core_->links->connect_group(go.id, static_cast<std::size_t>(self), all.size(),
                                            deadline_, watch_.token());
    if (!made.ok()) return made.status();
    group_.link = std::move(*made);
  }
  return group_.link->all_reduce(values_, deadline_, watch_.token());
}

Status SumRun::run(std::optional<MemberId>& failed_peer) {
  const bool leads = group_.members.front() == core_->control->self();
  const Status status = leads ? lead() : follow();
  if (status.ok()) return {};
  if (over_ != LinkId{}) group_.give_up(over_);
  for (const MemberId& member : others_)
    if (tells_) tell_broken(core_, member, tag(SumMessage::kGivenUp));
  failed_peer = late_ ? late_ : watch_.lost();
  return watch_.explained(status).with_context(
      fmt::format("the sum of {} ({}) among {} members", to_string(sum_.round),
                  to_string(sum_.attempt), group_.members.size()));
}

}  // namespace

NcclGroups::~NcclGroups() = default;

// Sums of other members that nobody is at have lost their link to this one: a device is not kept
// busy with links that may never be needed again.
std::shared_ptr<NcclGroups::Group> NcclGroups::find(const Members& members) {
  std::vector<std::shared_ptr<Group>> unneeded;  // their links may take a while to end
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Group> found;
  for (auto at = groups_.begin(); at != groups_.end();) {
    if (at->first == members) {
      found = at->second;
    } else if (at->second.use_count() == 1) {
      unneeded.push_back(std::move(at->second));
      at = groups_.erase(at);
      continue;
    }
    ++at;
  }
  if (!found) found = groups_[members] = std::make_shared<Group>(members);
  return found;
}

Status NcclGroups::all_reduce(const GroupSum& sum, std::span<float> values, TimePoint deadline,
                              std::stop_token stop, std::optional<MemberId>& failed_peer) {
  Members members = sum.members;
  std::ranges::sort(members);
  if (!std::ranges::binary_search(members, core_->control->self()))
    return {Code::kInternal, to_string(core_->control->self()) + " has no part in the sum"};
  if (members.size() == 1) return {};
  const std::shared_ptr<Group> group = find(members);
  const Status status = SumRun(core_, *group, sum, values, deadline, stop).run(failed_peer);
  if (!status.ok()) return status;
  const Tag tag{sum.round, sum.attempt, 0, 0};
  const std::size_t bytes = all_reduce_bytes(members.size(), values.size_bytes());
  core_->rendezvous->count_sent(tag, bytes);
  core_->rendezvous->count_received(tag, bytes);
  return {};
}

}  // namespace outrigger
