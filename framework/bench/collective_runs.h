#pragma once

#include <outrigger/framework/bench/collective_report.h>
#include <outrigger/framework/bench/start_line.h>
#include <outrigger/framework/bench/usage.h>

namespace outrigger {

// One member's part of a measurement. All members call the same with equal arguments, and all get
// the figures.

// The payload path, by TCP and by the transport in turns.
Result<PayloadFigures> measure_payload(Meeting& meeting, StartLine& line,
                                       const CollectiveBenchOptions& options, double mb,
                                       std::size_t connections);

// Exchanges and whole all-reduces in turns. Internal if results differ, between members or between
// repeats.
Result<CollectiveFigures> measure_collective(StartLine& line, BenchWire& wire,
                                             const CollectiveBenchOptions& options,
                                             const CollectiveCase& measured,
                                             const MemberPlace& place);

// Internal unless all members of the lap said the same "hash", and `hash` if it is not empty, which
// becomes it.
Status check_hashes(const Lap& lap, std::string& hash);

// The most that any member's memory grew; none if one of them cannot tell.
Result<Peak> largest_peak(StartLine& line, const MemoryWatch& watch);

}  // namespace outrigger
