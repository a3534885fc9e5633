#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <outrigger/comm/membership/coordinator.h>
#include <outrigger/comm/membership/journal.h>
#include <outrigger/comm/membership/link_query.h>

namespace outrigger {

// Runs the coordinator's state machine on one thread, for any kind of connection: events in order,
// each step's records durable before its first message leaves, timers from the steady clock, and
// only when no event waits: a slow journal makes nobody late. A journal that fails sends nothing
// more but an Abort to whoever is connected, and ends the job. Thread-safe.
class CoordinatorHost {
 public:
  // Where the messages to one member go. Called on the host's thread; must not block or call back.
  struct Port {
    std::function<void(const v1::CoordinatorMessage&)> send;
    std::function<void()> close;  // after the messages sent so far
  };

  // Reads the journal and starts. Fails when the journal cannot be read.
  static Result<std::unique_ptr<CoordinatorHost>> start(CoordinatorConfig config,
                                                        std::unique_ptr<Journal> journal,
                                                        LogSink log);
  ~CoordinatorHost();  // closes all connections; ends in bounded time

  ConnectionId attach(Port port);
  void receive(ConnectionId connection, v1::MemberMessage message);
  void detach(ConnectionId connection,
              const std::string& why);  // it broke; its port is not called any more

  // What is known of the links now.
  LinkTable links() const;

  // Blocks until the job is over, however long that takes: Ok when all members have left, else why
  // it ended.
  Status wait();
  // The island at fault for the job's end, by its name; nothing if no member is.
  std::optional<std::string> culprit() const;

 private:
  CoordinatorHost(CoordinatorConfig config, std::unique_ptr<Journal> journal,
                  const std::vector<v1::Record>& records, LogSink log);
  void run();
  CoordinatorStep handle(const CoordinatorEvent& event, TimePoint now);
  void carry_out(CoordinatorStep step);
  void journal_failed(const Status& why);
  void post(CoordinatorEvent event);

  const std::string job_;
  const std::vector<std::string> islands_;
  std::unique_ptr<Journal> journal_;
  LogSink log_;
  mutable std::mutex machine_mutex_;  // never held while anything is waited for
  Coordinator coordinator_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<CoordinatorEvent> events_;
  std::map<ConnectionId, std::shared_ptr<Port>> ports_;
  ConnectionId last_connection_ = 0;
  std::optional<TimePoint> next_tick_;
  std::optional<Status> finished_;
  std::optional<MemberId> culprit_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace outrigger
