#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <membership.pb.h>

#include <outrigger/comm/collective/collective.h>
#include <outrigger/comm/membership/session.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// What one member does about one close: run the collective if it contributes, and hand the result
// on to those who were left out; or, left out itself, receive the result from the first
// contributor.
struct ExchangeTask {
  Contribution contribution;
  v1::Close close;
  std::string topology;              // auto, or a collective's name
  std::vector<std::uint32_t> sites;  // by island, or empty
  TimePoint deadline;
  BufferPool buffers{}, staging{};
};

struct ExchangeReport {
  RoundId round;
  AttemptId attempt;
  Result<Exchanged> result;
  std::optional<MemberId> peer;  // of a failure: whose message or bytes it was, if one member's
  double exchange_s = 0;
};

// Blocks until the result is here, a peer is lost, the deadline passes or stop is requested.
ExchangeReport run_exchange(Transport& transport, const ExchangeTask& task, std::stop_token stop);

}  // namespace outrigger
