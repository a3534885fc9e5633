// What an exchange between processes takes of a member's memory, as Linux counts it.
#include <malloc.h>

#include <fstream>

#include <outrigger/comm/collective/pipeline.h>
#include <outrigger/comm/transport/grpc.h>

#include "large_exchange.h"
#include "members.h"
#include "peer_process.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::memory_test {
namespace {

// Hidden from a sanitizer's run: the sanitizer's memory would be counted, and it keeps what is
// freed.
const char* const kTags = OUTRIGGER_SANITIZED ? "[.]" : "";

// What gRPC has for its connections and threads, and what free() keeps.
constexpr std::size_t kOverhead = std::size_t{16} << 20;

// The most that this process has held at one time since the reset.
std::size_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmHWM:")) return 1024 * std::stoul(line.substr(6));
  FAIL("/proc/self/status has no VmHWM");
  return 0;
}

void reset_peak() {
  malloc_trim(0);  // what lies free here would hide what is taken
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;
  REQUIRE(refs.good());
}

}  // namespace

// Mutations: in Pipeline::post, leave out the test of bytes_ahead and window_messages; in
// GatherCollective::run, receive into another buffer of the fragment's size (Stream::whole).
TEST_CASE("over gRPC an exchange takes its result and its windows, no more", kTags) {
  const std::string name =
      GENERATE(as<std::string>(), "gather", "direct", "star", "ring", "hierarchical");
  auto transport = GrpcTransport::listen({.job = "test"}).value_or_throw();
  transport->set_self(island(1));
  PeerProcess peer(name, transport->address());
  REQUIRE(transport->add_peer(island(0), peer.address()).ok());
  const Exchange exchange = large_exchange(island(1));
  reset_peak();
  const std::size_t start = peak_bytes();
  peer.go();
  const Result<Exchanged> result = run_large(*transport, name, exchange);
  REQUIRE(result.status().to_string() == "ok");
  REQUIRE(result->bytes->size() == kLargeBytes);
  const std::size_t taken = peak_bytes() - start;
  INFO(name << " took " << (taken >> 20) << " MiB");
  CHECK(taken >= kLargeBytes);
  CHECK(taken <= kLargeBytes + Pipeline::kWindowBytes + kUnreadBytesOfPeer + kOverhead);
}

}  // namespace outrigger::memory_test
