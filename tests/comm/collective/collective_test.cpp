#include <thread>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/comm/collective/collective.h>
#include <outrigger/comm/collective/direct.h>
#include <outrigger/comm/collective/exchange_operations.h>

#include "members.h"
#include "support/catch.h"
#include "weighted_mean.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

const Codec& codec(std::string_view name) {
  return **find_codec(name);
}

// Member `index`'s values: signs, sizes over several powers of ten, zeros.
std::vector<float> values_of(std::size_t index, std::size_t elements) {
  const auto bytes = pattern(elements * 3, static_cast<unsigned>(index) + 7);
  std::vector<float> values(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    const auto byte = [&](std::size_t at) { return std::to_integer<int>(bytes[3 * i + at]); };
    values[i] = static_cast<float>(byte(0) * 256 + byte(1) - 32768) /
                static_cast<float>(1 << (byte(2) % 24));
  }
  return values;
}

// Codes block by block, as the format says, without the driver.
std::vector<std::byte> encode(const Codec& code, std::span<const float> values) {
  std::vector<std::byte> out(code.encoded_bytes(values.size()));
  for (std::size_t at = 0; at < values.size(); at += code.block_elements()) {
    const std::size_t count = std::min(code.block_elements(), values.size() - at);
    code.encode_block(values.subspan(at, count),
                      std::span(out).subspan(code.encoded_bytes(at), code.encoded_bytes(count)));
  }
  return out;
}

std::vector<float> decode(const Codec& code, std::span<const std::byte> in, std::size_t elements) {
  std::vector<float> values(elements);
  for (std::size_t at = 0; at < elements; at += code.block_elements()) {
    const std::size_t count = std::min(code.block_elements(), elements - at);
    throw_if_error(code.decode_block(in.subspan(code.encoded_bytes(at), code.encoded_bytes(count)),
                                     std::span(values).subspan(at, count)));
  }
  return values;
}

struct Case {
  std::size_t elements;
  const Codec* codec;
  const Codec* result_codec;
  std::vector<std::vector<std::byte>> encoded;  // by island
  Exchange exchange;

  // `owners`: the last so many members; 0 for all.
  Case(std::size_t members, std::size_t elements_, const Codec& codec_, const Codec& result_codec_,
       std::size_t owners = 0)
      : elements(elements_), codec(&codec_), result_codec(&result_codec_) {
    exchange.round = {0, 3};
    exchange.attempt = {1, 2};
    exchange.elements = elements;
    exchange.codec = codec;
    exchange.result_codec = result_codec;
    for (std::uint32_t k = 0; k < members; ++k) {
      encoded.push_back(encode(*codec, values_of(k, elements)));
      // An order of aggregation that is not the order of the islands.
      exchange.contributors.insert(exchange.contributors.begin(), island(k));
      exchange.weights.push_back(3 + 5 * k % 7);
      if (owners == 0 || k >= members - owners) exchange.owners.push_back(island(k));
    }
  }

  // The rules written down plainly: decode, mean in the closed order, encode once.
  std::vector<std::byte> reference(const Codec& result) const {
    std::vector<std::vector<float>> decoded;
    std::vector<std::span<const float>> inputs;
    for (const MemberId& member : exchange.contributors)
      decoded.push_back(decode(*codec, encoded[member.island], elements));
    inputs.assign(decoded.begin(), decoded.end());
    std::vector<float> mean(elements);
    WeightedMean().reduce({exchange.contributors, exchange.weights, {}, 0}, inputs, mean);
    return encode(result, mean);
  }
};

Result<Exchanged> run_one(Transport& transport, const Collective& collective, const Case& c,
                          double seconds = 30, std::stop_token stop = {},
                          std::optional<MemberId>* failed = nullptr) {
  Exchange exchange = c.exchange;
  exchange.own = std::make_shared<const ByteBuffer>(c.encoded[transport.self().island]);
  std::optional<MemberId> unwanted;
  return collective.run(transport, WeightedMean(), exchange, in(seconds), std::move(stop),
                        failed == nullptr ? unwanted : *failed);
}

std::vector<Result<Exchanged>> run_all(const Transports& members, const Collective& collective,
                                       const Case& c,
                                       std::vector<std::optional<MemberId>>* failed = nullptr) {
  std::vector<Result<Exchanged>> results(members.size(), Status(Code::kInternal, "not run"));
  if (failed != nullptr) failed->resize(members.size());
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < members.size(); ++k)
    threads.emplace_back([&, k] {
      results[k] =
          run_one(*members[k], collective, c, 30, {}, failed == nullptr ? nullptr : &(*failed)[k]);
    });
  threads.clear();
  return results;
}

const Collective& collective(std::string_view name) {
  return **find_collective(name);
}

}  // namespace

// Mutation: in Run::receive_contributions, put the own bytes first; in Run::reduce, use
// exchange_.codec for the result; in GatherCollective::run, start with the own bytes in every slot
// and receive none.
TEST_CASE("every member ends with the reference's bits, on every transport") {
  const std::string kind = GENERATE(as<std::string>(), "in_process", "grpc");
  const std::size_t count = GENERATE(1U, 2U, 3U, 4U, 5U);
  const auto members = make_members(kind, count);
  for (const std::size_t elements : {0U, 1U, 255U, 4097U, 100001U})
    for (const char* code : {"fp32", "bf16", "int8"})
      for (const char* result_code : {"fp32", code})
        for (const char* name : {"direct", "gather"}) {
          Case c(count, elements, codec(code), codec(result_code));
          const Codec& wanted = collective(name).result_codec(*c.result_codec);
          const auto reference = c.reference(wanted);
          INFO(kind << ", " << name << ", " << count << " members, " << elements << " elements, "
                    << code << " to " << wanted.name());
          for (const auto& result : run_all(members, collective(name), c)) {
            REQUIRE(result.status().to_string() == "ok");
            CHECK(result->codec == &wanted);
            CHECK((*result->bytes == reference));
            CHECK(result->hash == hash128(reference));
            CHECK(result->slowest.has_value() == (count > 1 && elements > 0));
          }
        }
}

// Mutation: in GatherCollective::result_codec, return `wanted`; in Run::reduce, send to all but the
// first.
TEST_CASE("direct with an fp32 result is gather, to the bit") {
  const auto members = make_members("in_process", 3);
  Case c(3, 70000, codec("int8"), codec("fp32"));
  const auto direct = run_all(members, collective("direct"), c);
  c.exchange.result_codec = &codec("int8");  // gather takes no notice
  const auto gather = run_all(members, collective("gather"), c);
  for (std::size_t k = 0; k < 3; ++k) CHECK((*direct[k]->bytes == *gather[k]->bytes));
}

// Mutation: in Run::post_first_hop, post the second hop's recvs of owned shards only; in Run::send,
// count nothing.
TEST_CASE("some members may own all shards, and the bytes are counted") {
  const std::size_t owners = GENERATE(1U, 2U, 3U);
  const auto members = make_members("in_process", 4);
  Case c(4, 100001, codec("bf16"), codec("int8"), owners);
  const auto reference = c.reference(*c.result_codec);
  const auto results = run_all(members, collective("direct"), c);
  for (std::size_t k = 0; k < 4; ++k) {
    REQUIRE(results[k].ok());
    CHECK((*results[k]->bytes == reference));
    CHECK(results[k]->bytes_sent == members[k]->bytes_sent());
    CHECK(results[k]->bytes_received == members[k]->bytes_received());
  }
}

// Mutation: in ExchangeOperations::add's hook, do not keep the failure.
TEST_CASE("a lost peer fails the exchange at once and leaves nothing pending") {
  const std::string kind = GENERATE(as<std::string>(), "in_process", "grpc");
  const char* name = GENERATE("direct", "gather");
  auto members = make_members(kind, 3);
  Case c(3, 100001, codec("fp32"), codec("fp32"));
  std::vector<Status> results(2);
  {
    std::vector<std::jthread> threads;
    for (const std::size_t k : {0U, 1U})
      threads.emplace_back(
          [&, k] { results[k] = run_one(*members[k], collective(name), c, 1e6).status(); });
    // Their messages to island 2 wait there, so both are in the exchange.
    while (members[0]->bytes_sent() < 40 || members[1]->bytes_sent() < 40)
      std::this_thread::yield();
    for (const std::size_t k : {0U, 1U})
      members[k]->peer_lost(island(2), {Code::kUnavailable, "no heartbeat for 5 s"});
  }
  for (const Status& status : results) {
    CHECK(status.code() == Code::kUnavailable);
    CHECK(status.message().find("island ") != std::string::npos);
  }
  // The same tags are free again, so nothing was left behind.
  Case again(2, 100001, codec("fp32"), codec("fp32"));
  members.pop_back();
  for (const auto& result : run_all(members, collective(name), again))
    CHECK(result.status().to_string() == "ok");
}

// Mutation: in ExchangeOperations::wait, leave out the stop callback.
TEST_CASE("a stop request cancels the exchange") {
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  std::stop_source stop;
  Status status;
  std::jthread thread([&] {
    status = run_one(*members[0], collective("direct"), c, 1e6, stop.get_token()).status();
  });
  stop.request_stop();
  thread.join();
  CHECK(status.code() == Code::kCancelled);
}

// Mutation: in ExchangeOperations::wait, do not look at the deadline (hangs), or not call done()
// after it (Ok).
TEST_CASE("an exchange ends at its deadline and names the peer") {
  const char* name = GENERATE("direct", "gather");
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  std::optional<MemberId> failed;
  const Status status = run_one(*members[0], collective(name), c, 0.05, {}, &failed).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(failed == island(1));
  CHECK(status.message().find("island 1 (incarnation 1)") != std::string::npos);
}

// Mutation: in ExchangeOperations::add's hook, keep the first peer.
TEST_CASE("the slowest peer is the one that came last") {
  const auto members = make_members("in_process", 3);
  Case c(3, 5000, codec("fp32"), codec("fp32"));
  const std::uint32_t slow = GENERATE(1U, 2U);
  std::vector<Result<Exchanged>> results(3, Status(Code::kInternal, "not run"));
  {
    std::vector<std::jthread> threads;
    for (const std::uint32_t k : {0U, 3 - slow})
      threads.emplace_back([&, k] { results[k] = run_one(*members[k], collective("gather"), c); });
    // The other two have had each other's message before the slow one begins.
    while (members[0]->bytes_received() < 20000 || members[3 - slow]->bytes_received() < 20000)
      std::this_thread::yield();
    threads.emplace_back([&] { results[slow] = run_one(*members[slow], collective("gather"), c); });
  }
  CHECK(results[0]->slowest == island(slow));
  CHECK(results[3 - slow]->slowest == island(slow));
}

// Mutation: in ExchangeOperations::wait, measure nothing; in ExchangeOperations::slowest, exchange
// the hops.
TEST_CASE("the slowest peer is of the hop that was waited for longer") {
  const auto waited = GENERATE(ExchangeOperations::kFirstHop, ExchangeOperations::kSecondHop);
  ExchangeOperations batch(in(30), {});
  batch.add(ExchangeOperations::kFirstHop, island(ExchangeOperations::kFirstHop), Operation());
  batch.add(ExchangeOperations::kSecondHop, island(ExchangeOperations::kSecondHop), Operation());
  CHECK(batch.wait(waited).ok());
  CHECK(batch.slowest() == island(waited));
}

// Mutation: in aggregate_contributions, return `status` without looking for the contributor, or do
// not set failed_peer.
TEST_CASE("bytes that do not decode are blamed on their contributor") {
  const auto members = make_members("in_process", 3);
  Case c(3, 5000, codec("int8"), codec("fp32"));
  std::ranges::fill(c.encoded[1], std::byte{0xff});  // every scale a NaN
  std::vector<std::optional<MemberId>> failed;
  for (const auto& result : run_all(members, collective("gather"), c, &failed)) {
    CHECK(result.status().code() == Code::kCorruption);
    CHECK(result.status().message().find("island 1 (incarnation 1)") != std::string::npos);
  }
  CHECK(failed == std::vector<std::optional<MemberId>>(3, island(1)));
}

// Mutation: in check_exchange, drop any of its lines.
TEST_CASE("an exchange that contradicts itself is a defect") {
  const auto members = make_members("in_process", 2);
  Case c(2, 5000, codec("fp32"), codec("fp32"));
  switch (GENERATE(0, 1, 2, 3, 4)) {
    case 0:
      c.exchange.contributors.pop_back();  // island 0
      c.exchange.weights.pop_back();
      c.exchange.owners = {island(1)};
      break;
    case 1:
      c.exchange.weights.pop_back();
      break;
    case 2:
      c.exchange.weights = {0, 0};
      break;
    case 3:
      c.exchange.owners.push_back(island(7));
      break;
    case 4:
      c.encoded[0].pop_back();
      break;
  }
  const auto result = run_one(*members[0], collective("direct"), c, 1);
  CHECK(result.status().code() == Code::kInternal);
}

// Mutation: in cut_shard, divide before multiplying, or cut at elements.
TEST_CASE("shards are whole blocks, in order, and nothing is left over") {
  for (const std::size_t elements : {0U, 1U, 4095U, 4096U, 4097U, 100001U})
    for (std::size_t count = 1; count <= 7; ++count) {
      std::size_t next = 0, largest = 0, smallest = elements;
      for (std::size_t s = 0; s < count; ++s) {
        const Shard shard = cut_shard(elements, s, count);
        CHECK((shard.begin == next && (shard.begin % kDriverBlock == 0 || shard.elements == 0)));
        next += shard.elements;
        largest = std::max(largest, shard.elements);
        smallest = std::min(smallest, shard.elements);
      }
      CHECK(next == elements);
      CHECK(largest - smallest < 2 * kDriverBlock);
    }
}

// Mutation: in choose_collective, exchange the names, or take <= for <.
TEST_CASE("auto takes what moves fewer bytes, and direct on a tie") {
  CHECK(choose_collective(1, codec("int8"), codec("fp32")) == "direct");
  CHECK(choose_collective(2, codec("fp32"), codec("fp32")) == "direct");  // 1 against 1/2 (1 + 1)
  CHECK(choose_collective(2, codec("int8"), codec("fp32")) == "gather");  // 1 against 1/2 (1 + 4)
  CHECK(choose_collective(3, codec("int8"), codec("fp32")) == "gather");
  CHECK(choose_collective(6, codec("int8"), codec("fp32")) == "direct");
  CHECK(find_collective("direct").ok());
  const auto unknown = find_collective("ring");
  CHECK(unknown.status().code() == Code::kNotFound);
  CHECK(unknown.status().message().find("direct, gather") != std::string::npos);
}
