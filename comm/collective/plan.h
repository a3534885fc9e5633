#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace outrigger {

// Who does how much of an exchange, and in which order, from what is known of the links. Pure, with
// the same result everywhere: no clock, no chance.

// What the links have carried, in bytes/s; 0 is not known. Unknown rates count as the fastest of
// their kind, so that nobody is spared for nothing; with none known all are equal.
struct Links {
  std::vector<double> up, down;  // one a member: of all its transfers together
  // From row to column; empty: nothing known. A member to itself is not looked at.
  std::vector<std::vector<double>> rate;
  std::vector<std::vector<double>> latency_s;  // one way
};

// The whole fragment as one contribution's bytes and as the result's.
struct PlannedBytes {
  double contribution = 0;
  double result = 0;
};

// The sum that planned shares are given in.
inline constexpr std::uint64_t kShareScale = std::uint64_t{1} << 20;

// Shares of `direct` that make the slowest of all members' sending and receiving shortest. Member i
// of M with share s sends (1 - s) c + (M-1) s r and receives (M-1) s c + (1 - s) r, at once if its
// link is full-duplex. So a slow member is best given next to nothing: but its own contribution c
// it must send, and r receive, whatever is planned. With equal shares it would have sent
// (M-1)/M (c + r); planning one slow member wins less than (M-1)/M (1 + r/c), 2 (M-1)/M for c = r:
// 1.5 for four members, never 2. What wins more sends fewer bytes: a coarser codec.
// No share is less than a sixteenth of an equal one, or than two chunks (chunks.h) if those are no
// more than an equal one: rounds measure only what is sent, and a member that was given nothing for
// a rate measured wrong would never be measured again.
// Equal links give equal shares.
std::vector<std::uint64_t> plan_shares(const Links& links, const PlannedBytes& bytes);

// How long an exchange by these shares (any scale; empty: equal) keeps the slowest member busy.
double shares_time_s(const Links& links, const PlannedBytes& bytes,
                     const std::vector<std::uint64_t>& shares);

// The order of `ring`, as places of the members, that starts with member 0. What is made small is
// the time of the slowest link on the way, for the bytes that each carries, and all latencies. The
// best there is for up to 8 members; above that nearest neighbours, improved by 2-opt up to 64.
std::vector<std::size_t> plan_ring(const Links& links, const PlannedBytes& bytes);
// That time, of any order.
double ring_time_s(const Links& links, const PlannedBytes& bytes,
                   const std::vector<std::size_t>& order);

// The hub of `star`: the first of those with which the slowest member is done soonest.
std::size_t plan_hub(const Links& links, const PlannedBytes& bytes);
// How long an exchange by this hub keeps the slowest member busy.
double hub_time_s(const Links& links, const PlannedBytes& bytes, std::size_t hub);

}  // namespace outrigger
