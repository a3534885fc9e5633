#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <outrigger/framework/bench/collective_bench.h>

namespace outrigger {

// The figures of `bench collective`. The whole report:
//   {"bench": "collective",
//    "machine": {cpu, vectors, cores, transport, channels, threads, repeats, commit, build},
//    "payload": [a record a size and number of connections], "rows": [a record a measurement],
//    "peers": {"libraries": {name: version}, "records": [...]}}     only with --peers
// All figures are of a repeat; {median, min, max} is over the repeats. Bytes are of the fp32 tensor
// unless a name says which.

// A member's memory: most that it came to hold over what it held at the start; of the member for
// which that was most.
using Peak = std::optional<double>;

struct PayloadFigures {
  double mb = 0;
  std::size_t bytes = 0, connections = 0;
  std::vector<double> tcp_s, transport_s;  // the second none: the transport has not so many
  Peak transport_peak;
};
// mb, bytes, connections, tcp {seconds, bytes_per_s}, transport (the same; or null),
// of_tcp (the medians' ratio; or null), peak_over_start_bytes (or null).
nlohmann::ordered_json payload_json(const PayloadFigures& figures);

struct CollectiveFigures {
  CollectiveCase measured;
  std::size_t members = 0;
  std::vector<double> exchange_s, exchange_cpu_s;  // encoded fragment to result bytes
  std::vector<double> tensor_s, tensor_cpu_s;      // with encoding before and decoding after
  std::vector<std::uint64_t> sent, received;       // of each member
  Peak peak;
  std::string hash;  // of the result, equal for all
};
// collective, members, owners, mb, elements, codec, result_codec, encoded_bytes (of one fragment),
// exchange {seconds, fp32_bytes_per_s, cpu_s}, tensor (the same), sent_bytes, received_bytes,
// lower_bound_bytes (lower_bound.h; null where unknown), peak_over_start_bytes (or null), hash.
nlohmann::ordered_json collective_json(const CollectiveFigures& figures);

// Without peers.
nlohmann::ordered_json collective_report(const CollectiveBenchOptions& options,
                                         nlohmann::ordered_json payload,
                                         nlohmann::ordered_json rows);

// Adds what another script of tools/peers printed. Each row gets "over_peers": its rate, tensor to
// tensor, over that of each peer at the same members and size, and "over_best_peer" likewise over
// the fastest that moves fp32. Corruption if the JSON is not what those scripts print.
Status add_collective_peers(nlohmann::ordered_json& report, nlohmann::ordered_json peers);

// The report for a reader, with headings.
std::string collective_table(const nlohmann::ordered_json& report);

}  // namespace outrigger
