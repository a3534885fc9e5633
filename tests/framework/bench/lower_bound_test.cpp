#include <outrigger/framework/bench/lower_bound.h>

#include "support/catch.h"

namespace outrigger {
namespace lower_bound_test {

using Bytes = std::vector<std::uint64_t>;

constexpr std::size_t kElements = 4096 * 12;

ExchangeCase exchange(const char* collective, const char* codec, const char* result,
                      std::vector<std::size_t> owners) {
  ExchangeCase made;
  made.collective = *find_collective(collective);
  made.elements = kElements;
  made.codec = *find_codec(codec);
  made.result_codec = *find_codec(result);
  made.owners = std::move(owners);
  return made;
}

}  // namespace lower_bound_test
using namespace lower_bound_test;

// Mutation: an owner sends its result back once, not to each (without members - 1).
TEST_CASE("lower bound: direct with equal shards moves (M-1)/M (c + r) each way") {
  const std::size_t c = (*find_codec("bf16"))->encoded_bytes(kElements);
  const std::size_t r = (*find_codec("fp32"))->encoded_bytes(kElements);
  CHECK(lower_bound_bytes(exchange("direct", "bf16", "fp32", {0, 1, 2, 3}), 4) ==
        Bytes(4, (c + r) * 3 / 4));
  CHECK(lower_bound_bytes(exchange("direct", "bf16", "fp32", {0, 1}), 2) == Bytes(2, (c + r) / 2));
}

// Mutation: count what is sent only (member 2 would have 2 a value: it receives 4).
TEST_CASE(
    "lower bound: a member that owns nothing sends its contribution and receives the result") {
  const Bytes bytes = lower_bound_bytes(exchange("direct", "bf16", "fp32", {0, 1}), 3);
  CHECK(bytes == Bytes{kElements * 5, kElements * 5, kElements * 4});
}

// Mutation: gather counts the members instead of the others.
TEST_CASE("lower bound: gather brings in what all others contribute") {
  CHECK(lower_bound_bytes(exchange("gather", "bf16", "fp32", {0, 1, 2}), 3) ==
        Bytes(3, kElements * 4));
}

// Mutation: leave out the 2, or the division.
TEST_CASE("lower bound: all_reduce moves 2 (M-1)/M of the tensor") {
  CHECK(lower_bound_bytes(exchange("all_reduce", "fp32", "fp32", {0, 1, 2, 3}), 4) ==
        Bytes(4, kElements * 6));
}

// Mutation: fall through to direct's.
TEST_CASE("lower bound: none is made up for other collectives") {
  CHECK(lower_bound_bytes(exchange("gossip", "bf16", "fp32", {0, 1}), 2).empty());
}

}  // namespace outrigger
