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

// What measuring has put on the wire and taken from it: payload and frame headers of the messages
// that went through.
struct ProbeTraffic {
  std::atomic<std::uint64_t> sent = 0, received = 0;
};

// What came of one pair: what is known, and why it is not all if it is not.
struct ProbeReport {
  LinkProbe probe;
  Status status;
};

// Measures the links between this member and each other one, which does the same at about that
// time, by messages with tags of their own: round trips, then what comes from the peer and what
// goes to it, pair after pair (probe.h). `members` has all, in the order of islands, this one too;
// `channels` is how many connections this one's messages take turns on. Blocks until all pairs are
// done or given up, 10 s each at most, or stop is requested; `report` is called after each pair.
void probe_links(Transport& transport, std::span<const MemberId> members, std::uint32_t channels,
                 ProbeTraffic& traffic, const std::function<void(const ProbeReport&)>& report,
                 std::stop_token stop);

}  // namespace outrigger
