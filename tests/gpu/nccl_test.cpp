#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <outrigger/comm/transport/nccl/nccl_links.h>

#include "gpu/nccl_case.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

// NCCL itself, between processes that share a device. Without one it fails: a skipped test would
// look like a passed one.
namespace outrigger::nccl_test {
namespace {

using namespace outrigger::test;

// What the members print, one process each, all at once.
std::vector<std::string> run_members(std::size_t count, const std::string& folder) {
  std::vector<std::FILE*> members;
  for (std::size_t k = 0; k < count; ++k) {
    const std::string command = std::string("'") + OUTRIGGER_NCCL_MEMBER + "' " +
                                std::to_string(k) + " " + std::to_string(count) + " '" + folder +
                                "' 2>&1";
    members.push_back(popen(command.c_str(), "r"));
    REQUIRE(members.back() != nullptr);
  }
  std::vector<std::string> said(count);
  for (std::size_t k = 0; k < count; ++k) {
    for (int c = 0; (c = std::fgetc(members[k])) != EOF;) said[k] += static_cast<char>(c);
    INFO("island " << k << ": " << said[k]);
    CHECK(pclose(members[k]) == 0);
  }
  return said;
}

}  // namespace

// Mutation: in NcclLink::queue_receive, copy from the other stage; in NcclLink::send, do not wait
// for the stage (the bits differ); in NcclGroup::all_reduce, copy from the other window, or take
// ncclMax for ncclSum; in nccl_member.cpp, one NCCL_HOSTID for all (NCCL refuses).
TEST_CASE("nccl: processes on one device exchange messages and get in_process's bits") {
  if (const Status status = check_nccl(); !status.ok())
    FAIL("This test needs a CUDA device: " << status.message()
                                           << "; run `ctest -L gpu` on a machine that has one.");
  for (const std::size_t count : {2U, 3U}) {
    const auto results =
        run_all(make_members("in_process", count), collective("direct"), nccl_case(count));
    REQUIRE(results[0].ok());
    std::string wanted = results[0]->hash.hex() + "\n";
    const TemporaryFolder folder;
    const std::vector<std::string> said = run_members(count, folder.path());
    if (count == 2) {  // a sum of two has one order
      const auto sums =
          run_all(make_members("in_process", count), collective("gather"), nccl_sum_case(count, 0));
      REQUIRE(sums[0].ok());
      for (int round = 0; round < 2; ++round) wanted += sums[0]->hash.hex() + "\n";
    } else {
      CHECK(said[0].starts_with(wanted));
      wanted = said[0];
      CHECK(std::ranges::count(wanted, '\n') == 3);
    }
    for (const std::string& one : said) CHECK(one == wanted);
  }
}

}  // namespace outrigger::nccl_test
