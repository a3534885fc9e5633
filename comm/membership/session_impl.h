#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <variant>

#include <outrigger/comm/membership/exchange_task.h>
#include <outrigger/comm/membership/link.h>
#include <outrigger/comm/membership/member.h>
#include <outrigger/comm/membership/prober.h>
#include <outrigger/comm/membership/session.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// The shell of the member's state machine. One thread carries what other threads post (messages,
// reports of exchanges) and the timers to the machine; each running exchange has a thread of its
// own, and so has the measuring of the links. The caller's threads speak to the machine directly,
// under `mutex_`, and wait on `changed_`.
class Session::Impl {
 public:
  using MakeLink = std::function<Result<std::unique_ptr<Link>>(Link::Events)>;
  using MakeTransport = std::function<Result<std::unique_ptr<Transport>>(MemberId)>;

  Impl(SessionOptions options, MakeTransport make_transport);
  ~Impl();
  void join(const MakeLink& make_link);  // throws Error

  MemberId self() const;
  std::vector<PeerInfo> peers() const;
  Status launch(Contribution contribution);
  Result<RoundOutcome> wait(RoundId round);
  Result<bool> ready(RoundId round);
  Status listen(Contribution like);
  Result<RoundOutcome> next_arrival();
  Result<std::optional<RoundOutcome>> poll_arrival();
  Status applied(RoundId round, const Version& version);
  Result<std::vector<std::string>> gather(const std::string& key, const std::string& value);
  void request_stop(const std::string& why);
  Result<std::optional<std::uint64_t>> at_step(std::uint64_t step);
  Status status() const;
  std::optional<std::string> culprit() const;
  std::uint64_t bytes_sent() const;
  std::uint64_t bytes_received() const;
  void leave(const std::string& why);

 private:
  struct Round {
    Contribution contribution;
    TimePoint launched_at, voted_at;
    std::optional<AttemptId> attempt;
    std::shared_ptr<const std::vector<std::byte>> result;
    const Codec* result_codec = nullptr;
    RoundPhases phases;
    std::optional<RoundOutcome> outcome;
  };
  struct Running {  // one attempt's exchange; the thread reports to the inbox
    RoundId round;
    std::shared_ptr<std::atomic<bool>> done = std::make_shared<std::atomic<bool>>(false);
    std::jthread thread;
  };
  using Post = std::variant<MemberEvent, ExchangeReport, ProbeReport>;
  using Lock = std::unique_lock<std::mutex>;

  void post(Post item);
  void run();
  // REQUIRES, all of these: mutex_ is held.
  void handle(const MemberEvent& event);
  void carry_out(const MemberStep& step);
  void open_transport(MemberId self);
  void learn_roster(const v1::Roster& roster);
  void start_probing();
  void take_report(const ProbeReport& report);
  void start_exchange(const v1::Close& close);
  void take_report(const ExchangeReport& report);
  void settle(const v1::Outcome& outcome);
  std::optional<RoundOutcome> take_arrival();
  void fail(const Status& why);
  Status await(Lock& lock, const std::function<bool()>& ready);  // until ready() or failed

  void shut_down();

  const SessionOptions options_;
  const MakeTransport make_transport_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Member member_;
  std::unique_ptr<Link> link_;
  const BufferPool buffers_, staging_;
  std::unique_ptr<Transport> transport_;
  std::vector<PeerInfo> peers_;
  std::map<RoundId, Round> rounds_;
  std::optional<Contribution> listened_;  // what rounds of other islands are like
  std::uint64_t next_arrival_ = 0;
  std::vector<Running> exchanges_;
  ExchangeCount exchange_count_;  // read while links are measured
  std::jthread probing_;          // from the first roster on; reports to the inbox
  std::map<std::string, std::optional<std::vector<std::string>>> gathers_;
  Status failed_;
  bool gone_ = false;
  bool left_ = false;

  std::mutex inbox_mutex_;  // taken last; never held while another is wanted
  std::condition_variable inbox_changed_;
  std::deque<Post> inbox_;
  std::optional<TimePoint> next_tick_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace outrigger
