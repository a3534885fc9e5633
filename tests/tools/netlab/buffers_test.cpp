#include "netlab/buffers.h"

#include "support/catch.h"

namespace outrigger::netlab {

// Mutation: in GiveBack delete the memory.
TEST_CASE("buffers are used again, each size apart") {
  Buffers buffers(1 << 20);
  std::byte* small = buffers.take(100).get();
  std::byte* large = buffers.take(Buffers::kSmall + 1).get();
  const std::size_t allocated = buffers.allocated_bytes();
  CHECK(allocated == Buffers::kSmall + Buffers::kLarge);
  for (int i = 0; i < 1000; ++i) {
    CHECK(buffers.take(Buffers::kLarge).get() == large);
    CHECK(buffers.take(1).get() == small);
  }
  CHECK(buffers.allocated_bytes() == allocated);
}

// Mutation: compare without the new buffer's size.
TEST_CASE("no more is allocated than the limit") {
  Buffers buffers(2 * Buffers::kSmall + 1);
  Buffer first = buffers.take(1);
  Buffer second = buffers.take(1);
  CHECK(second);
  CHECK_FALSE(buffers.take(1));
  CHECK_FALSE(buffers.take(Buffers::kLarge));
  first.reset();
  CHECK(buffers.take(1));
}

}  // namespace outrigger::netlab
