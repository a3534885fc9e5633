// One island of nccl_test.cpp, in a process of its own: nccl_member ISLAND COUNT FOLDER. Meets the
// others through files in the folder, moves messages each way between any two, runs a collective
// over messages, then two of all_reduce, and prints their results' hashes; or what went wrong, and
// exits with 1.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <outrigger/comm/transport/grpc.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>

#include "comm/collective/cases.h"
#include "gpu/nccl_case.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

namespace fs = std::filesystem;

std::string address_of(const fs::path& folder, std::uint32_t island) {
  const fs::path file = folder / std::to_string(island);
  for (const TimePoint end = in(60); !fs::exists(file);) {
    if (Clock::now() > end) throw Error({Code::kUnavailable, file.string() + " does not come"});
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::string address;
  std::ifstream(file) >> address;
  return address;
}

void meet(GrpcTransport& control, Transport& transport, std::uint32_t count,
          const fs::path& folder) {
  const std::uint32_t self = transport.self().island;
  const fs::path temporary = folder / (std::to_string(self) + ".part");
  std::ofstream(temporary) << control.address();
  fs::rename(temporary, folder / std::to_string(self));
  for (std::uint32_t k = 0; k < count; ++k)
    if (k != self) throw_if_error(transport.add_peer(island(k), address_of(folder, k)));
}

void exchange_messages(Transport& transport, std::uint32_t count) {
  const std::uint32_t self = transport.self().island;
  std::vector<Operation> operations;
  std::vector<std::vector<std::byte>> dests, wanted;
  dests.reserve(count * std::size(kSizes));
  for (std::uint32_t peer = 0; peer < count; ++peer)
    for (std::uint32_t i = 0; peer != self && i < std::size(kSizes); ++i) {
      dests.emplace_back(kSizes[i]);
      wanted.push_back(pattern(kSizes[i], peer));
      operations.push_back(recv(transport, island(peer), tag(i), dests.back(), 60));
      operations.push_back(send(transport, island(peer), tag(i), pattern(kSizes[i], self), 60));
    }
  for (const Operation& operation : operations) throw_if_error(operation.wait());
  if (dests != wanted) throw Error({Code::kCorruption, "a message is not what was sent"});
}

void print_hash(const Result<Exchanged>& result) {
  throw_if_error(result.status());
  std::printf("%s\n", result->hash.hex().c_str());
}

void run(std::uint32_t self, std::uint32_t count, const fs::path& folder) {
  ::setenv("NCCL_HOSTID", ("island-" + std::to_string(self)).c_str(), 1);
  ::setenv("NCCL_SOCKET_IFNAME", "lo", 1);
  const auto links = make_nccl_links().value_or_throw();
  auto grpc = GrpcTransport::listen({.job = "test"}).value_or_throw();
  grpc->set_self(island(self));
  GrpcTransport& control = *grpc;
  NcclTransport transport(std::move(grpc), links);
  meet(control, transport, count, folder);
  exchange_messages(transport, count);
  print_hash(run_one(transport, collective("direct"), nccl_case(count), 60));
  for (const std::uint64_t round : {0U, 1U})  // the second over the first one's communicator
    print_hash(run_one(transport, collective("all_reduce"), nccl_sum_case(count, round), 60));
  std::fflush(stdout);
  // Whoever is done first stays until the others are.
  std::ofstream(folder / ("done-" + std::to_string(self)));
  for (std::uint32_t k = 0; k < count; ++k)
    for (const TimePoint end = in(60); !fs::exists(folder / ("done-" + std::to_string(k)));) {
      if (Clock::now() > end) throw Error({Code::kUnavailable, "a peer is not done"});
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

}  // namespace

int main(int, char** argv) {
  try {
    run(static_cast<std::uint32_t>(std::stoul(argv[1])),
        static_cast<std::uint32_t>(std::stoul(argv[2])), argv[3]);
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
