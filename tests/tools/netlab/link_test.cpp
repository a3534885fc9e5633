#include "netlab/link.h"

#include "support/catch.h"

namespace outrigger::netlab::link_test {

using std::chrono::milliseconds;

// Mutation: leave out time_on_line in send.
TEST_CASE("a packet takes its bytes over the rate, then the delay") {
  Link link({.bytes_per_second = 1e6, .delay = milliseconds(20), .queue_bytes = 1 << 20}, 1);
  CHECK(link.send(1000, milliseconds(5)) == milliseconds(5 + 1 + 20));
}

// Mutation: in send add to `now` where line_free_ is later.
TEST_CASE("packets wait for the line, and an idle line gives nothing back") {
  Link link({.bytes_per_second = 1e6, .queue_bytes = 1 << 20}, 1);
  CHECK(link.send(1000, milliseconds(0)) == milliseconds(1));
  CHECK(link.send(1000, milliseconds(0)) == milliseconds(2));
  CHECK(link.send(1000, milliseconds(10)) == milliseconds(11));
  CHECK(link.send(1000, milliseconds(10)) == milliseconds(12));
}

// Mutation: divide by the rate where it is 0 (leave out the condition in time_on_line).
TEST_CASE("without a rate only the delay counts, however much is sent") {
  Link link({.delay = milliseconds(7)}, 1);
  for (int i = 0; i < 100; ++i) CHECK(link.send(65536, milliseconds(3)) == milliseconds(10));
  CHECK(link.counts().overflowed == 0);
}

// Mutation: leave the packet's own bytes out of what waits.
TEST_CASE("what does not fit the queue is dropped, and room comes with time") {
  Link link({.bytes_per_second = 1e6, .delay = milliseconds(50), .queue_bytes = 3000}, 1);
  for (int i = 0; i < 3; ++i) CHECK(link.send(1000, milliseconds(0)));
  CHECK_FALSE(link.send(1000, milliseconds(0)));
  CHECK(link.counts().overflowed == 1);
  CHECK(link.send(1000, milliseconds(1)) ==
        milliseconds(4 + 50));  // what is on the way takes no room
  CHECK(link.counts().packets == 4);
  CHECK(link.counts().bytes == 4000);
}

// Mutation: in overflows leave out line_free_ <= now.
TEST_CASE("a packet larger than the queue enters an empty one") {
  Link link({.bytes_per_second = 1e6, .queue_bytes = 3000}, 1);
  CHECK(link.send(64000, milliseconds(0)) == milliseconds(64));
  CHECK_FALSE(link.send(64000, milliseconds(62)));
  CHECK(link.send(1000, milliseconds(62)) == milliseconds(65));
  CHECK(link.send(64000, milliseconds(65)) == milliseconds(129));
}

// Mutation: draw a loss with shape_.loss / 2; or leave out `line_free_ =` for a lost packet.
TEST_CASE("lost packets are as many as said, and keep the line busy") {
  Link link({.bytes_per_second = 1e6, .loss = 0.1, .queue_bytes = 1 << 20}, 17);
  const int packets = 20'000;
  Instant now{0}, last{0};
  for (int i = 0; i < packets; ++i, now += milliseconds(1))
    if (const auto at = link.send(1000, now)) last = *at;
  CHECK(link.counts().lost + link.counts().packets == packets);
  CHECK(static_cast<double>(link.counts().lost) / packets == Approx(0.1).margin(0.01));
  Link all_lost({.bytes_per_second = 1e6, .loss = 1, .queue_bytes = 1500}, 17);
  CHECK_FALSE(all_lost.send(1000, Instant(0)));
  CHECK_FALSE(all_lost.send(1000, Instant(0)));
  CHECK(all_lost.counts().overflowed == 1);
}

// Mutation: leave out the std::max in send; or 2 * uniform() in way (then it only adds).
TEST_CASE("jitter spreads the delay both ways and keeps the order") {
  Link apart({.delay = milliseconds(20), .jitter = milliseconds(5)}, 17);
  Instant lowest{milliseconds(99)}, highest{0};
  for (int i = 0; i < 1000; ++i) {  // far enough apart that none waits for another
    const Instant took = *apart.send(100, milliseconds(100 * i)) - Instant(milliseconds(100 * i));
    lowest = std::min(lowest, took);
    highest = std::max(highest, took);
  }
  CHECK(lowest >= milliseconds(15));
  CHECK(lowest < std::chrono::microseconds(15'100));
  CHECK(highest <= milliseconds(25));
  CHECK(highest > std::chrono::microseconds(24'900));

  Link close({.delay = milliseconds(20), .jitter = milliseconds(5)}, 17);
  Instant last{0};
  for (int i = 0; i < 1000; ++i) {
    const Instant at = *close.send(100, Instant(i));
    CHECK(at >= last);
    last = at;
  }
}

// Mutation: seed with a constant.
TEST_CASE("the seed decides") {
  const LinkShape shape{.delay = milliseconds(20), .jitter = milliseconds(5)};
  Link a(shape, 17), same(shape, 17), other(shape, 18);
  const auto at = a.send(1, Instant(0));
  CHECK(same.send(1, Instant(0)) == at);
  CHECK(other.send(1, Instant(0)) != at);
}

}  // namespace outrigger::netlab::link_test
