#pragma once

#include <string>

#include <outrigger/comm/membership/link_query.h>

namespace outrigger {

// What a coordinator at `address` knows of its job's links.
struct KnownLinks {
  std::string address;
  LinkTable table;
};

// Asks the coordinator of the newest run in `runs_folder` that answers and is that run's. NotFound
// if there is none; what is off loopback is asked only with `insecure`.
Result<KnownLinks> find_links(const std::string& runs_folder, bool insecure);

// Two tables, rows from, columns to: round trips in ms, rates in Mbit/s of payload, each figure
// with where it comes from (a probe or a round) and its age; "-" where nothing is known.
std::string links_text(const KnownLinks& known);
// {job, address, islands, links: [{from, to, round_trip_ms, round_trip_age_s, mbit_per_s, source,
// age_s}]}: one object for each ordered pair; null where nothing is known.
std::string links_json(const KnownLinks& known);

}  // namespace outrigger
