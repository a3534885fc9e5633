#include "members.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: in Message::copy, return Ok instead of check_dest's status.
TEST_CASE("bytes altered between threads are found") {
  const bool in_frame = GENERATE(true, false);
  const auto alter = [](std::span<std::byte> bytes) { bytes[20] ^= std::byte{4}; };
  InProcessNetwork network = in_frame ? InProcessNetwork(alter) : InProcessNetwork({}, alter);
  const auto members = make_members(network, 2);
  std::vector<std::byte> dest(4096);
  const Operation received = recv(*members[1], island(0), tag(0), dest);
  const Status sent = send(*members[0], island(1), tag(0), pattern(4096)).wait();
  const Status status = received.wait();
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("island 0") != std::string::npos);
  CHECK(sent.code() == Code::kCorruption);
}
