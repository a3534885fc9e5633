#include "memory_links.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

namespace outrigger::test {

struct MemoryLinks::Shared {
  struct Wire {
    std::deque<std::vector<std::byte>> pieces;
    bool sender = false, receiver = false;  // have come
  };

  struct Ring {
    std::size_t connected = 0;
    std::vector<std::vector<float>> values;  // of one sum, by place
    std::size_t have = 0, sums = 0;          // members that have put theirs in; sums ended
    std::vector<float> result;
  };
  enum Call { kSend, kReceive, kSum, kCalls };  // the first two are a pair's ends

  std::mutex mutex;
  std::condition_variable_any changed;
  std::uint64_t ids = 0;
  std::map<LinkId, Wire> wires;
  std::map<LinkId, Ring> rings;
  std::size_t to_fail[kCalls] = {}, ids_to_fail = 0, connects = 0, under_way = 0,
              most_under_way = 0, sums_under_way = 0;
  bool stalled[kCalls] = {}, alter = false;

  template <class Ready>
  Status wait(std::unique_lock<std::mutex>& lock, LinkEnd end, TimePoint deadline,
              const std::stop_token& stop, Ready ready) {
    return wait_for(lock, end == LinkEnd::kSender ? kSend : kReceive, deadline, stop, ready);
  }
  // Until `ready`, as a link's call ends.
  template <class Ready>
  Status wait_for(std::unique_lock<std::mutex>& lock, Call at, TimePoint deadline,
                  const std::stop_token& stop, Ready ready) {
    if (to_fail[at] > 0) {
      --to_fail[at];
      return {Code::kInternal, "the link was made to fail"};
    }
    const bool is =
        changed.wait_until(lock, stop, deadline, [&] { return !stalled[at] && ready(); });
    if (stop.stop_requested()) return {Code::kCancelled, "the link was stopped"};
    if (!is) return {Code::kDeadlineExceeded, "the other end of the link did nothing in time"};
    return {};
  }
};

namespace {

class MemoryLink : public PairLink {
 public:
  MemoryLink(std::shared_ptr<MemoryLinks::Shared> shared, const LinkId& id)
      : shared_(std::move(shared)), id_(id) {}

  Status send(std::span<const std::byte> message, TimePoint deadline,
              const std::stop_token& stop) override {
    std::unique_lock lock(shared_->mutex);
    auto& wire = shared_->wires[id_];
    for (std::size_t at = 0; at < message.size();) {
      const Status status = shared_->wait(lock, LinkEnd::kSender, deadline, stop,
                                          [&] { return wire.pieces.size() < 2; });
      if (!status.ok()) return status;
      const auto piece =
          message.subspan(at, std::min(MemoryLinks::kPieceBytes, message.size() - at));
      wire.pieces.emplace_back(piece.begin(), piece.end());
      if (std::exchange(shared_->alter, false)) wire.pieces.back().back() ^= std::byte{4};
      at += piece.size();
      shared_->changed.notify_all();
    }
    return {};
  }

  Status receive(std::size_t bytes, const Take& take, TimePoint deadline,
                 const std::stop_token& stop) override {
    std::unique_lock lock(shared_->mutex);
    auto& wire = shared_->wires[id_];
    ++shared_->under_way;
    shared_->most_under_way = std::max(shared_->most_under_way, shared_->under_way);
    Status status;
    for (std::size_t at = 0; status.ok() && at < bytes;) {
      status = shared_->wait(lock, LinkEnd::kReceiver, deadline, stop,
                             [&] { return !wire.pieces.empty(); });
      if (!status.ok()) break;
      const std::vector<std::byte> piece = std::move(wire.pieces.front());
      wire.pieces.pop_front();
      shared_->changed.notify_all();
      lock.unlock();
      take(at, piece);
      lock.lock();
      at += piece.size();
    }
    --shared_->under_way;
    return status;
  }

 private:
  const std::shared_ptr<MemoryLinks::Shared> shared_;
  const LinkId id_;
};

class MemoryGroup : public GroupLink {
 public:
  MemoryGroup(std::shared_ptr<MemoryLinks::Shared> shared, const LinkId& id, std::size_t place)
      : shared_(std::move(shared)), id_(id), place_(place) {}

  // A member that fails has put nothing in, and so the others wait for it.
  Status all_reduce(std::span<float> values, TimePoint deadline,
                    const std::stop_token& stop) override {
    std::unique_lock lock(shared_->mutex);
    auto& ring = shared_->rings[id_];
    ++shared_->sums_under_way;
    const Status status = sum(lock, ring, values, deadline, stop);
    --shared_->sums_under_way;
    return status;
  }

 private:
  Status sum(std::unique_lock<std::mutex>& lock, MemoryLinks::Shared::Ring& ring,
             std::span<float> values, TimePoint deadline, const std::stop_token& stop) {
    const auto wait = [&](auto ready) {
      return shared_->wait_for(lock, MemoryLinks::Shared::kSum, deadline, stop, ready);
    };
    if (const Status status = wait([] { return true; }); !status.ok()) return status;
    const std::size_t sums = ring.sums;
    ring.values[place_].assign(values.begin(), values.end());
    if (++ring.have == ring.values.size()) finish(ring, values.size());
    shared_->changed.notify_all();
    const Status status = wait([&] { return ring.sums > sums; });
    if (status.ok()) std::ranges::copy(ring.result, values.begin());
    return status;
  }

  static void finish(MemoryLinks::Shared::Ring& ring, std::size_t count) {
    ring.result = ring.values.front();  // from nothing, a sum of -0 alone would be +0
    for (std::size_t k = 1; k < ring.values.size(); ++k)
      for (std::size_t i = 0; i < count; ++i) ring.result[i] += ring.values[k].at(i);
    ring.have = 0;
    ++ring.sums;
  }

  const std::shared_ptr<MemoryLinks::Shared> shared_;
  const LinkId id_;
  const std::size_t place_;
};

}  // namespace

MemoryLinks::MemoryLinks() : shared_(std::make_shared<Shared>()) {}
MemoryLinks::~MemoryLinks() = default;

Result<LinkId> MemoryLinks::make_id() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->ids_to_fail > 0) {
    --shared_->ids_to_fail;
    return Status(Code::kInternal, "the id was made to fail");
  }
  LinkId id{};
  ++shared_->ids;
  std::memcpy(id.data(), &shared_->ids, sizeof shared_->ids);
  return id;
}

Result<std::unique_ptr<PairLink>> MemoryLinks::connect(const LinkId& id, LinkEnd end,
                                                       TimePoint deadline,
                                                       const std::stop_token& stop) {
  std::unique_lock lock(shared_->mutex);
  ++shared_->connects;
  auto& wire = shared_->wires[id];
  (end == LinkEnd::kSender ? wire.sender : wire.receiver) = true;
  shared_->changed.notify_all();
  const Status status =
      shared_->wait(lock, end, deadline, stop, [&] { return wire.sender && wire.receiver; });
  if (!status.ok()) return status;
  return std::unique_ptr<PairLink>(std::make_unique<MemoryLink>(shared_, id));
}

Result<std::unique_ptr<GroupLink>> MemoryLinks::connect_group(const LinkId& id, std::size_t place,
                                                              std::size_t members,
                                                              TimePoint deadline,
                                                              const std::stop_token& stop) {
  std::unique_lock lock(shared_->mutex);
  ++shared_->connects;
  auto& ring = shared_->rings[id];
  ring.values.resize(members);
  ++ring.connected;
  shared_->changed.notify_all();
  const bool is =
      shared_->changed.wait_until(lock, stop, deadline, [&] { return ring.connected == members; });
  if (stop.stop_requested()) return Status(Code::kCancelled, "the link was stopped");
  if (!is) return Status(Code::kDeadlineExceeded, "not all ends of the link came in time");
  return std::unique_ptr<GroupLink>(std::make_unique<MemoryGroup>(shared_, id, place));
}

void MemoryLinks::fail_next(LinkEnd end, std::size_t calls) {
  const std::lock_guard lock(shared_->mutex);
  shared_->to_fail[static_cast<std::size_t>(end)] = calls;
}

void MemoryLinks::fail_next_sum() {
  const std::lock_guard lock(shared_->mutex);
  shared_->to_fail[Shared::kSum] = 1;
}

void MemoryLinks::stall_sums(bool on) {
  const std::lock_guard lock(shared_->mutex);
  shared_->stalled[Shared::kSum] = on;
  shared_->changed.notify_all();
}

void MemoryLinks::fail_ids(std::size_t calls) {
  const std::lock_guard lock(shared_->mutex);
  shared_->ids_to_fail = calls;
}

void MemoryLinks::stall(LinkEnd end, bool on) {
  const std::lock_guard lock(shared_->mutex);
  shared_->stalled[static_cast<std::size_t>(end)] = on;
  shared_->changed.notify_all();
}

void MemoryLinks::alter_next_message() {
  const std::lock_guard lock(shared_->mutex);
  shared_->alter = true;
}

std::size_t MemoryLinks::made() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->ids;
}

std::size_t MemoryLinks::connects() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->connects;
}

std::size_t MemoryLinks::under_way() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->under_way;
}

std::size_t MemoryLinks::sums_under_way() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->sums_under_way;
}

std::size_t MemoryLinks::most_under_way() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->most_under_way;
}

}  // namespace outrigger::test
