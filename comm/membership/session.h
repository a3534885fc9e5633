#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/collective/reducer.h>
#include <outrigger/comm/membership/log_line.h>
#include <outrigger/comm/names.h>
#include <outrigger/comm/status.h>

namespace outrigger {

class LocalJob;

struct SessionOptions {
  std::string coordinator;  // host:port; empty: OUTRIGGER_COORDINATOR
  std::string island;       // its name in the recipe; empty: OUTRIGGER_ISLAND
  std::string job;          // empty: OUTRIGGER_JOB
  std::string recipe;       // the resolved recipe: must equal the coordinator's; empty: none
  std::string listen = "127.0.0.1:0";  // where this member's transport listens
  std::string topology = "auto";       // auto, or a collective's name
  // grpc; or nccl, which moves the payloads (nccl_transport.h, nccl_links.h) while gRPC controls
  // it; under `hierarchical` inside of a site only, and gRPC moves what goes between sites. Of
  // members that are processes: those of a LocalJob need neither.
  std::string transport = "grpc";
  std::uint32_t channels = 4;          // GrpcOptions::channels
  std::vector<std::uint32_t> sites{};  // by island; empty: each its own. `hierarchical` only
  // Whether the links to the other members are measured when all are there (prober.h), beside the
  // training. Members that share a process have none.
  bool probe = true;
  std::uint64_t incarnation = 0;  // 0: the wall clock in microseconds, so a restart is a later one
  bool insecure = false;          // needed off loopback until TLS exists
  Duration join_timeout = std::chrono::seconds(60);
  // State that this member brings along, on resume: every fragment's version, and its inner steps
  // so far.
  std::vector<Version> applied;
  std::uint64_t step = 0;
  LogSink log{};  // what happens to the connection; empty: nowhere
};

// One fragment's contribution to one round.
struct Contribution {
  RoundId round;
  Version base;
  std::uint64_t tokens = 0;  // since this member was last included
  std::vector<double> norms;
  bool finite = true;
  std::size_t elements = 0;
  const Codec* codec = nullptr;
  const Codec* result_codec = nullptr;  // as wanted; `gather` hands out fp32
  Rounding result_rounding{};           // equal on every member
  std::shared_ptr<const Reducer> reducer;
  std::string topology{};  // of this round; empty: the session's
  std::shared_ptr<const std::vector<std::byte>>
      encoded;  // kept until this member has applied the round
};

// Where a round's time and bytes went, as this member saw it.
struct RoundPhases {
  double wait_s = 0;  // from the announcement to the close
  double exchange_s = 0;
  double commit_s = 0;  // from the vote to the outcome
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::optional<MemberId> slowest;
  std::uint64_t attempts = 1;
};

struct RoundOutcome {
  RoundId round;
  Version version;             // after the round
  std::uint64_t sequence = 0;  // of all commits since this life of the job began, from 0
  bool included = false;       // whether this member's contribution is in it
  std::vector<MemberId> contributors;
  std::vector<std::uint64_t> weights;      // one a contributor
  std::vector<std::vector<double>> norms;  // likewise, as announced
  const Codec* codec = nullptr;            // of `bytes`
  std::shared_ptr<const std::vector<std::byte>> bytes;
  Hash128 hash;
  RoundPhases phases;
};

struct PeerInfo {
  MemberId member;
  std::string island;
};

// A member's place in a job: the member state machine (member.h) with its thread, its connection to
// the coordinator and its transport. Announces, exchanges and votes happen on the session's threads
// while the caller trains. Thread-safe, but one training thread at a time is expected.
//
// Whatever waits ends: with its result, with the job's abort (which names the culprit), or at a
// deadline. Once the session has failed, every call gives the same Status.
class Session {
 public:
  // Joins over gRPC and returns when the roster is full (policy strict). Throws Error.
  static Session join(SessionOptions options);
  // Joins a job whose members are threads of this process.
  static Session join(LocalJob& job, SessionOptions options);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();  // leaves, if leave() was not called

  MemberId self() const;
  std::vector<PeerInfo> peers() const;  // the roster in the order of islands, this member included

  // Hands the contribution over and returns; its round may close from now on.
  Status launch(Contribution contribution);
  // Blocks until the round of a launched contribution is committed and its result is here.
  Result<RoundOutcome> wait(RoundId round);
  // Whether wait() would return at once. NotFound as there.
  Result<bool> ready(RoundId round);
  // An asynchronous job (CoordinatorConfig::asynchronous): from now on this member receives the
  // rounds of all other islands too; `like` has their elements, codecs and reducer.
  Status listen(Contribution like);
  // The next round in the order of commits, whoever's it is; each is given once. Blocks until it is
  // here, or gives nothing if it is not.
  Result<RoundOutcome> next_arrival();
  Result<std::optional<RoundOutcome>> poll_arrival();
  // This member has applied the round: its version is now `version`. Bytes of the round may go.
  Status applied(RoundId round, const Version& version);

  // Blocks until every member has called it with the same key; returns the values in the order of
  // islands. A key is used once. At most 64 KiB a value.
  Result<std::vector<std::string>> gather(const std::string& key, const std::string& value);

  // Asks the whole job to stop at a step that the members agree on. Async-signal-unsafe; returns at
  // once.
  void request_stop(const std::string& why);
  // The training thread says that it has finished inner step `step`. Returns the step to stop
  // after, once the job has agreed on one; blocks only while that agreement is under way and this
  // member must not go on.
  Result<std::optional<std::uint64_t>> at_step(std::uint64_t step);

  Status status() const;  // Ok, or why the session has failed
  // The island whose fault it is, if the coordinator named one: not this one's own words.
  std::optional<std::string> culprit() const;
  // Payload and frame headers, all rounds so far, without what measuring the links took.
  std::uint64_t bytes_sent() const;
  std::uint64_t bytes_received() const;

  // Says goodbye and ends the threads. After leave() of every member the coordinator is done.
  void leave(const std::string& why);

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace outrigger
