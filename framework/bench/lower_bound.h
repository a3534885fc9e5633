#pragma once

#include <outrigger/framework/bench/collective_wire.h>

namespace outrigger {

// Of each member, in their order: the encoded bytes that the algorithm must bring through its
// busier direction (sending or receiving), without headers. A full-duplex link of R bytes a second
// cannot end the exchange sooner than this over R. Empty for a collective of which no bound is
// known here.
//   direct  a member that owns a part w of the elements sends (1-w) c + w (M-1) r and receives
//           w (M-1) c + (1-w) r; with equal shards (M-1)/M (c + r) each way
//   gather  (M-1) c each way
std::vector<std::uint64_t> lower_bound_bytes(const ExchangeCase& what, std::size_t members);

}  // namespace outrigger
