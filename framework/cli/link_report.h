#pragma once

#include <string>

#include <outrigger/comm/membership/link_query.h>

namespace outrigger {

// What a coordinator at `address` knows of its job's links: between islands that it names.
struct KnownLinks {
  std::string address;
  LinkTable table;
};

// Asks the coordinators of the newest 8 runs in `runs_folder`, all at once, and takes the newest
// that answers and is its run's: within 2 s. NotFound if there is none; InvalidArgument if a newer
// run's is off loopback and `insecure` is not given, as that one may be the job that runs.
Result<KnownLinks> find_links(const std::string& runs_folder, bool insecure);

// Two tables, rows from, columns to: round trips in ms, rates in Mbit/s of payload, each figure
// with where it comes from (a probe or a round) and its age; "-" where nothing is known, and a line
// that says why a rate may not be.
std::string links_text(const KnownLinks& known);
// {job, address, islands, links: [{from, to, round_trip_ms, round_trip_age_s, mbit_per_s, source,
// age_s}]}: one object for each ordered pair; null where nothing is known.
std::string links_json(const KnownLinks& known);

}  // namespace outrigger
