// The program behind peer_process.h. Modes:
//   idle   listens, receives nothing
//   send   sends 256 MiB under tag(0)
//   flood  the same; meanwhile sends its own bytes_sent() under tag(1), tag(2), ... without end
//   else   the name of a collective, which it runs with large_exchange()
#include <cstdio>
#include <cstring>
#include <string>

#include <outrigger/comm/transport/grpc.h>

#include "../collective/large_exchange.h"
#include "members.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

int run_collective(Transport& transport, const std::string& name) {
  const Exchange exchange = large_exchange(island(0));
  if (std::getchar() == EOF) return 0;
  throw_if_error(run_large(transport, name, exchange).status());
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace

int main(int, char** argv) {
  const std::string mode = argv[1];
  const auto transport = GrpcTransport::listen({.job = "test"}).value_or_throw();
  transport->set_self(island(0));
  throw_if_error(transport->add_peer(island(1), argv[2]));
  std::printf("%s\n", transport->address().c_str());
  std::fflush(stdout);
  if (mode != "idle" && mode != "send" && mode != "flood") return run_collective(*transport, mode);
  if (std::getchar() == EOF) return 0;

  std::vector<std::byte> payload(mode == "idle" ? 0 : std::size_t{256} << 20, std::byte{1});
  Operation big;
  if (mode != "idle") big = send(*transport, island(1), tag(0), payload, 100);
  for (std::uint32_t i = 1; mode == "flood"; ++i) {
    const std::uint64_t sent = transport->bytes_sent();
    if (!send(*transport, island(1), tag(i), std::as_bytes(std::span(&sent, 1))).wait().ok()) break;
  }
  while (std::getchar() != EOF) {
  }
}
