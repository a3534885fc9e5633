// The collective all_reduce, over links in memory.
#include <cfloat>

#include <outrigger/comm/transport/groups.h>

#include "cases.h"
#include "support/catch.h"
#include "weighted_mean.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::all_reduce_test {
namespace {

// Part-wise applicable, and no weighted sum all the same.
class Largest : public Reducer {
 public:
  void reduce(const Reduction&, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = inputs[0][i];
      for (const auto& input : inputs) out[i] = std::max(out[i], input[i]);
    }
  }
  bool decomposable() const override { return true; }
};

// In the members' order, in which the links in memory sum; the closed order is the other way.
std::vector<std::byte> mean_in_order(const Case& c) {
  std::vector<std::vector<float>> values;
  for (const MemberId& member : c.exchange.contributors) values.push_back(c.contribution(member));
  std::vector<std::uint64_t> weights = c.exchange.weights;
  std::ranges::reverse(values);
  std::ranges::reverse(weights);
  return encode(codec("fp32"), mean_of(values, weights));
}

}  // namespace

// Mutations, in AllReduceCollective::run: take factors[0]; leave out divide(); in all_reduce_bytes,
// leave out the 2; in NcclGroups::all_reduce, count nothing.
TEST_CASE("all_reduce: the mean in the transport's order, the same bits and bytes at all members") {
  const std::size_t count = GENERATE(1U, 2U, 3U, 4U, 5U);
  const std::size_t elements = GENERATE(0U, 1U, 4097U, 70001U);
  const auto members = make_members("nccl", count);
  Case c(count, elements, codec("fp32"), codec("fp32"));
  const auto results = run_all(members, collective("all_reduce"), c);
  const auto bits = mean_in_order(c);
  const std::uint64_t bytes = 2 * (count - 1) * 4 * elements / count;
  const auto formula = collective("all_reduce").bytes_sent({count, elements, c.codec, c.codec});
  for (std::size_t k = 0; k < count; ++k) {
    INFO(count << " members, " << elements << " elements, island " << k);
    REQUIRE(results[k].status().to_string() == "ok");
    CHECK((*results[k]->bytes == bits));
    CHECK(results[k]->codec == &codec("fp32"));
    CHECK(results[k]->hash == hash128(bits));
    CHECK(results[k]->bytes_sent == bytes);
    CHECK(results[k]->bytes_received == bytes);
    CHECK(formula[k] == bytes);
    CHECK(members[k]->bytes_sent() == bytes);
    CHECK(members[k]->bytes_received() == bytes);
  }
}

// Mutation: in multiply, leave out the sum with 0.
TEST_CASE("all_reduce: of one and of two members the bits are gather's") {
  const std::size_t count = GENERATE(1U, 2U);
  const auto members = make_members("nccl", count);
  Case c(count, 1003, codec("fp32"), codec("fp32"));
  const auto weights = GENERATE(as<std::vector<std::uint64_t>>(), std::vector<std::uint64_t>{7, 7},
                                std::vector<std::uint64_t>{3, 10}, std::vector<std::uint64_t>{0, 9},
                                std::vector<std::uint64_t>{12, 0});
  c.exchange.weights.assign(weights.end() - static_cast<std::ptrdiff_t>(count), weights.end());
  if (count == 1) c.exchange.weights = {7};
  for (std::vector<std::byte>& encoded : c.encoded) {
    std::vector<float> values = decode(codec("fp32"), encoded, c.elements);
    values[0] = -0.0F;
    values[1] = 0.1F;
    encoded = encode(codec("fp32"), values);
  }
  const auto expected = run_all(members, collective("gather"), c);
  const auto results = run_all(members, collective("all_reduce"), c);
  for (std::size_t k = 0; k < count; ++k) {
    REQUIRE(results[k].status().to_string() == "ok");
    CHECK((*results[k]->bytes == *expected[k]->bytes));
  }
}

// Mutation: any of the tests in run() gone; ask decomposable() there.
TEST_CASE("all_reduce: what it cannot do is refused, with what to set") {
  const auto plain = make_members("in_process", 2), linked = make_members("nccl", 2);
  const auto refusal = [](Transport& transport, const char* code, const Reducer& reducer) {
    Case c(2, 10, codec(code), codec("fp32"));
    Exchange exchange = c.exchange;
    exchange.own = std::make_shared<const ByteBuffer>(c.encoded[0]);
    std::optional<MemberId> failed;
    const Status status =
        collective("all_reduce").run(transport, reducer, exchange, in(2), {}, failed).status();
    CHECK(status.code() == Code::kFailedPrecondition);
    CHECK_FALSE(failed);
    return status.message();
  };
  const auto says = [](const std::string& message, const char* key) {
    INFO(message);
    CHECK(message.find(key) != std::string::npos);
  };
  says(refusal(*plain[0], "fp32", WeightedMean()), "comm.transport nccl");
  says(refusal(*linked[0], "int8", WeightedMean()), "sync.codec fp32");
  says(refusal(*linked[0], "fp32", Largest()), "sync.aggregate mean");
}

// Mutation: take no notice of what divide() returns.
TEST_CASE("all_reduce: a sum that is too large is an error at every member") {
  const auto members = make_members("nccl", 2);
  Case c(2, 5, codec("fp32"), codec("fp32"));
  c.exchange.weights = {1, 1};
  for (std::vector<std::byte>& encoded : c.encoded)
    encoded = encode(codec("fp32"), std::vector<float>(5, FLT_MAX));
  for (const auto& result : run_all(members, collective("all_reduce"), c)) {
    CHECK(result.status().code() == Code::kInternal);
    CHECK(result.status().message().find("not finite") != std::string::npos);
  }
}

}  // namespace outrigger::all_reduce_test
