#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <outrigger/framework/bench/collective_wire.h>

namespace outrigger {

// `bench collective`: how fast members that are processes turn their tensors into the mean of all,
// and how fast the payload path beneath is beside plain TCP in the same run. Sizes are of the fp32
// tensor, in units of 10^6 bytes.

struct CollectiveBenchOptions {
  std::vector<std::size_t> members = {2, 4};  // processes; one group after the other
  std::vector<double> mb = {4, 64, 256};
  std::vector<std::string> collectives = {"direct"};
  std::vector<std::string> codecs = {"fp32", "int8", "int4"};
  std::string result_codec = "auto";           // as sync.result_codec
  std::vector<std::size_t> owners;             // of equal shards, in order; none: every member one
  std::vector<double> payload_mb = {64, 256};  // one way between members 0 and 1
  std::vector<std::size_t> payload_connections = {1, 4};
  WireOptions wire;
  std::size_t threads = 1;  // of a member's encode and decode passes
  int repeats = 5;
};

// One of the members' places in a group.
struct MemberPlace {
  std::size_t member = 0, members = 1;
  std::string meet;  // HOST:PORT: member 0 listens there, the others come
};

// What is measured in a group of that many: every collective in every codec at every size.
struct CollectiveCase {
  ExchangeCase exchange;
  double mb = 0;
};
// InvalidArgument or NotFound, naming the option.
Result<std::vector<CollectiveCase>> cases_of(const CollectiveBenchOptions& options,
                                             std::size_t members);

// Refuses what is out of range, and sizes that do not fit the memory that `here` members of a group
// share (all of them on one machine, or one).
Status check_collective_bench(const CollectiveBenchOptions& options, std::size_t here);

// The command line, without the program, of which the member's process is made.
std::vector<std::string> member_arguments(const CollectiveBenchOptions& options,
                                          const MemberPlace& place);

// A member's part in the measurements, to their end; calls `met` with the meeting's address once
// this member listens there (member 0) or has come. Member 0 gets the report of the group
// (collective_report.h), the others null. Fails if the members' results differ.
Result<nlohmann::ordered_json> run_collective_member(
    const CollectiveBenchOptions& options, const MemberPlace& place,
    const std::function<void(const std::string&)>& met);

// Starts every group's members as processes of this program, on loopback, and returns the report of
// all groups. They end with this process, whatever ends it.
Result<nlohmann::ordered_json> run_collective_bench(const CollectiveBenchOptions& options);

}  // namespace outrigger
