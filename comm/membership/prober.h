#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

#include <outrigger/comm/membership/probe.h>
#include <outrigger/comm/status.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

// How many exchanges of rounds this member has begun and ended: beside one, no rate is measured.
struct ExchangeCount {
  std::atomic<std::uint64_t> begun = 0, ended = 0;
};

// What came of one pair: what is known, and why it is not all if it is not.
struct ProbeReport {
  LinkProbe probe;
  Status status;
};

// Measures the links between this member and each other one, which does the same at about that
// time, by messages that are no round's, over transport.control(): round trips, then what comes
// from the peer and what goes to it, pair after pair (probe.h). No rates where another transport
// carries the payloads (NCCL): it would need a link of every pair for that, and rounds measure
// them. `members` has all, in the order of islands, this one too;
// `channels` is how many connections this one's messages take turns on. Blocks until all pairs are
// done or given up, 10 s each at most, or stop is requested; `report` is called after each pair.
void probe_links(Transport& transport, std::span<const MemberId> members, std::uint32_t channels,
                 const ExchangeCount& exchanges,
                 const std::function<void(const ProbeReport&)>& report, std::stop_token stop);

}  // namespace outrigger
