#include <outrigger/framework/bench/plain_tcp.h>

#include <algorithm>

#include "framework/bench/meet.h"
#include "support/catch.h"

namespace outrigger {

// Mutation: each_part ends the parts at bytes / count * (k + 1) (the test takes for ever);
// receive() fills the first part only.
TEST_CASE("plain TCP: the bytes arrive, over any number of connections") {
  for (const std::size_t connections : {1, 4}) {
    std::vector<std::byte> sent((std::size_t{3} << 20) + 13), received(sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i * 7 >> 3);
    const auto ended = test::meet(3, [&](Meeting& meeting) {
      const Result<PlainTcp> tcp = PlainTcp::open(meeting, "127.0.0.1", connections);
      if (!tcp.ok()) return tcp.status();
      if (meeting.member() == 0) return tcp->send(sent);
      if (meeting.member() == 1) return tcp->receive(received);
      return Status();
    });
    CHECK(std::ranges::all_of(ended, [](const Status& status) { return status.ok(); }));
    CHECK(sent == received);
  }
}

// Mutation: Socket::receive returns {} at the end of the stream.
TEST_CASE("plain TCP: an end before all has arrived is an error") {
  std::vector<std::byte> bytes(1000);
  const auto ended = test::meet(2, [&](Meeting& meeting) {
    const Result<PlainTcp> tcp = PlainTcp::open(meeting, "127.0.0.1", 1);
    if (!tcp.ok()) return tcp.status();
    return meeting.member() == 0 ? tcp->send(std::span(bytes).first(999)) : tcp->receive(bytes);
  });
  CHECK(ended[0].ok());
  CHECK(ended[1].code() == Code::kUnavailable);
}

}  // namespace outrigger
