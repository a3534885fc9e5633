#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/transport/operation.h>

namespace outrigger {

// The operations of one exchange. The first that fails cancels all others; the destructor waits for
// them, so nothing is pending once the batch is gone, whichever way the exchange ends. For one
// thread.
class ExchangeOperations {
 public:
  // What is waited for together: hop 0's messages to this member, then hop 1's, or only to be
  // finished.
  enum Group { kFirstHop, kSecondHop, kSends };

  ExchangeOperations(TimePoint deadline, std::stop_token stop);
  ~ExchangeOperations();
  ExchangeOperations(const ExchangeOperations&) = delete;
  ExchangeOperations& operator=(const ExchangeOperations&) = delete;

  void add(Group group, MemberId peer, Operation operation);

  // Until all of the group are done: Ok. Or until anything in the batch has failed: its status.
  Status wait(Group group);

  // Whose operation failed first; nobody's if none has, or if it was cancelled from here.
  std::optional<MemberId> failed_peer() const;

  // Of the hop that this member waited longest for, the peer whose message came last.
  std::optional<MemberId> slowest() const;

 private:
  static constexpr int kGroups = 3;
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t pending[kGroups] = {};
    std::optional<MemberId> last[kGroups];
    Status failure;
    std::optional<MemberId> failed_peer;
  };

  void cancel() const;

  const TimePoint deadline_;
  const std::stop_token stop_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::vector<Operation> operations_;
  Duration waited_[kGroups] = {};
};

}  // namespace outrigger
