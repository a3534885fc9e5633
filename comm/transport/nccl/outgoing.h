#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <outrigger/comm/transport/nccl/core.h>
#include <outrigger/comm/transport/nccl/wire.h>
#include <outrigger/comm/transport/operation_state.h>

namespace outrigger {

// The link to one peer. Sends what the peer has granted, in the places that it gave, on a thread of
// its own. Follows the receiver from one generation of the link to the next. Thread-safe.
class Outgoing : public std::enable_shared_from_this<Outgoing> {
 public:
  struct Message {
    Tag tag;
    std::size_t bytes = 0;
    SharedBytes payload;
    std::shared_ptr<Operation::State> state;
    bool given_up = false;  // there is no payload any more: zeros go in its place
  };

  Outgoing(MemberId to, std::shared_ptr<NcclCore> core) : to_(to), core_(std::move(core)) {}
  ~Outgoing() { join(); }

  // Whatever has become of its operation: a granted message is sent, for the link's order needs it.
  void granted(const Answer& answer, Message message);
  void break_link(const Status& why);
  // Fails everything, now and later. join() then waits for the thread, and is to be called last.
  void close(const Status& why);
  void join();

 private:
  using Queue = std::map<std::uint64_t, Message>;  // by place
  struct Next {
    Message message;
    std::uint64_t generation = 0;
    LinkId id{};
    std::stop_token stop;
  };

  // REQUIRES, these two: mutex_ is held.
  Status check_place(const Answer& answer) const;
  Queue begin_generation(const Answer& answer);  // what the last one has not sent
  void listen(std::uint64_t generation);         // until it ends
  std::optional<Next> wait_for_next();           // nothing: closed
  Status connect(const Next& next, TimePoint deadline);
  Status transfer(const Next& next);
  void run();
  void fail(std::uint64_t generation, Status why);
  static void end_all(Queue messages, const Status& why);

  const MemberId to_;
  const std::shared_ptr<NcclCore> core_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Status closed_, broken_;  // broken_: of this generation
  std::uint64_t generation_ = 0, next_place_ = 0;
  LinkId id_{};
  std::stop_source stop_;  // of this generation
  Queue queue_;
  Operation notice_;  // that the peer's end has given this generation up
  std::thread thread_;
  // Of the thread alone.
  std::unique_ptr<PairLink> link_;
  std::uint64_t link_generation_ = 0;
};

}  // namespace outrigger
