// Which bits the collectives give, and which of them give the same.
#include <numeric>

#include <outrigger/comm/codec/driver.h>

#include "cases.h"
#include "memory_links.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;

namespace outrigger::bits_test {
namespace {

const char* const kShared[] = {"direct", "gather", "star", "ring", "hierarchical"};

std::vector<std::string> all_codecs() {
  std::vector<std::string> names = {"top-k-64-int8", "top-k-64-2-bit"};
  for (const std::string_view name : codec_names()) names.emplace_back(name);
  return names;
}

// What the collective has to give, as far as a plain reference says.
std::vector<std::byte> expected(const std::string& name, const Case& c, const Exchanged& first) {
  const bool plain = name != "ring" && name != "hierarchical";
  return plain ? c.reference(*first.codec) : *first.bytes;
}

void check(const std::string& kind, const Transports& members, const std::string& name,
           const Case& c) {
  INFO(kind << ", " << name << ", " << members.size() << " members, " << c.elements << " elements, "
            << c.codec->name() << " to " << c.result_codec->name());
  const auto results = run_all(members, collective(name), c);
  REQUIRE(results[0].status().to_string() == "ok");
  const auto bits = expected(name, c, *results[0]);
  const std::size_t count = members.size();
  for (const auto& result : results) {
    REQUIRE(result.status().to_string() == "ok");
    CHECK(result->codec == &collective(name).result_codec(*c.result_codec));
    CHECK((*result->bytes == bits));
    CHECK(result->hash == hash128(bits));
    CHECK(result->slowest.has_value() == (count > 1 && c.elements > 0));
  }
}

}  // namespace

// Mutation: in aggregate_chunk, put the own bytes first; in DirectCollective::run, aggregate in
// `codec`; in RingRun::add_own, keep the unrounded mean (encode in fp32); in SiteRun::hand_down,
// leave the last member out (the deadline).
TEST_CASE("every member ends with the same bits: collectives, codecs, 1 to 7 members") {
  const std::string kind = GENERATE(as<std::string>(), "in_process", "grpc", "nccl");
  const std::size_t count = GENERATE(range(1U, 8U));
  const auto members = make_members(kind, count);
  const auto codecs = all_codecs();
  std::size_t turn = count;
  for (const char* name : kShared)
    for (const std::string& code : codecs) {
      const bool composed = codec(code).composed();
      const std::size_t sizes[] = {9001, 1, 4097, 12288};
      Case c(count, sizes[turn % std::size(sizes)], codec(code),
             codec(composed || turn % 3 == 0 ? "int8" : code));
      for (std::uint32_t k = 0; k < count; ++k) c.exchange.sites.push_back(k % 3);
      ++turn;
      check(kind, members, name, c);
    }
  for (const char* name : kShared)
    check(kind, members, name, Case(count, 0, codec("fp32"), codec("int8")));
}

// Mutation: in Pipeline::post, post the window's first message only, never the next (the deadline);
// in cut_evenly, begin every chunk at the shard's begin.
TEST_CASE("fragments of many chunks, on every transport") {
  const std::string kind = GENERATE(as<std::string>(), "in_process", "grpc", "nccl");
  const std::size_t count = GENERATE(2U, 4U);
  const auto members = make_members(kind, count);
  for (const char* name : kShared)
    for (const char* code : {"fp32", "int8"}) {
      Case c(count, 1000003, codec(code), codec(code));
      for (std::uint32_t k = 0; k < count; ++k) c.exchange.sites.push_back(k / 2);
      check(kind, members, name, c);
    }
}

// Mutation: in GatherCollective::result_codec, return `wanted`; in StarCollective::run, keep two
// owners and their order reversed (nothing fails: the cut decides no bit) or aggregate in another
// order.
TEST_CASE("direct is star, and with an fp32 result gather, to the bit") {
  const auto members = make_members("in_process", 3);
  Case c(3, 70000, codec("int8"), codec("fp32"));
  const auto direct = run_all(members, collective("direct"), c);
  const auto star = run_all(members, collective("star"), c);
  c.exchange.result_codec = &codec("int8");  // gather takes no notice
  const auto gather = run_all(members, collective("gather"), c);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK((*direct[k]->bytes == *gather[k]->bytes));
    CHECK((*direct[k]->bytes == *star[k]->bytes));
  }
}

// Mutation: in DirectCollective::run, let the rounding begin at each chunk; in cut_shards, ignore
// the shares (no bit fails, the bytes do).
TEST_CASE("bits do not depend on how direct's shards are planned") {
  const auto members = make_members("in_process", 3);
  Case c(3, 300001, codec("bf16"), codec("int8"));
  c.exchange.rounding = {.stochastic = true, .seed = 5};
  const auto equal = run_all(members, collective("direct"), c);
  for (const std::vector<std::uint64_t>& shares :
       {std::vector<std::uint64_t>{1, 1, 1}, {0, 1, 0}, {5, 0, 1}, {1000000007, 3, 999999937}}) {
    c.exchange.shares = shares;
    const auto planned = run_all(members, collective("direct"), c);
    for (std::size_t k = 0; k < 3; ++k) {
      REQUIRE(planned[k].status().to_string() == "ok");
      CHECK((*planned[k]->bytes == *equal[k]->bytes));
    }
    // Who owns nothing sends nothing but its contribution.
    if (shares[2] == 0 && shares[0] == 0) {
      CHECK(planned[0]->bytes_sent < 300001 * 2 + 40 * 100);
    }
  }
}

// So a close may choose the hub by what is measured, but a ring's order only where the recipe says
// so. Mutation: in StarCollective::run, let the hub alone be the first contributor.
TEST_CASE("bits do not depend on who is a star's hub, but do on a ring's order") {
  const auto members = make_members("in_process", 3);
  Case c(3, 3 * kDriverBlock, codec("bf16"), codec("int8"));
  const auto star = run_all(members, collective("star"), c);
  const auto ring = run_all(members, collective("ring"), c);
  std::rotate(c.exchange.owners.begin(), c.exchange.owners.begin() + 2, c.exchange.owners.end());
  const auto other_hub = run_all(members, collective("star"), c);
  std::swap(c.exchange.owners[0], c.exchange.owners[1]);
  const auto other_order = run_all(members, collective("ring"), c);
  for (std::size_t k = 0; k < 3; ++k) {
    REQUIRE(other_hub[k].status().to_string() == "ok");
    REQUIRE(other_order[k].status().to_string() == "ok");
    CHECK((*other_hub[k]->bytes == *star[k]->bytes));
    CHECK_FALSE((*other_order[k]->bytes == *ring[k]->bytes));
  }
  CHECK(other_hub[2]->bytes_sent > star[2]->bytes_sent);
}

// Mutation: in RingRun::add_own, encode the running mean in the exchange's codec, or add the own
// contribution first with the other's weight.
TEST_CASE("a ring is running weighted means, rounded to the result codec at every hop") {
  const std::size_t count = GENERATE(2U, 3U, 5U);
  const auto members = make_members("in_process", count);
  // As many blocks as members: chunk n is block n and starts at place n.
  Case c(count, (count - 1) * kDriverBlock + 77, codec("bf16"), codec("int8"));
  std::rotate(c.exchange.owners.begin(), c.exchange.owners.begin() + 1, c.exchange.owners.end());
  const auto results = run_all(members, collective("ring"), c);
  std::vector<std::byte> bits;
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t begin = n * kDriverBlock;
    const std::size_t elements = std::min(kDriverBlock, c.elements - begin);
    const auto block = [&](std::size_t place) {
      const auto all = c.contribution(c.exchange.owners[place % count]);
      return std::vector(all.begin() + begin, all.begin() + begin + elements);
    };
    const auto weight = [&](std::size_t place) {
      const auto& order = c.exchange.contributors;
      return c.exchange
          .weights[std::ranges::find(order, c.exchange.owners[place % count]) - order.begin()];
    };
    std::vector<float> running = block(n);
    std::uint64_t sum = weight(n);
    std::vector<std::byte> encoded;
    for (std::size_t hop = 1; hop < count; ++hop) {
      encoded = encode(codec("int8"), mean_of({running, block(n + hop)}, {sum, weight(n + hop)}));
      running = decode(codec("int8"), encoded, elements);
      sum += weight(n + hop);
    }
    bits.insert(bits.end(), encoded.begin(), encoded.end());
  }
  for (const auto& result : results) CHECK((*result->bytes == bits));
}

// Mutation: in RingRun::add_own, encode the last mean in the codec of the contributions.
TEST_CASE("of two members ring is direct, to the bit, in any codecs") {
  const auto members = make_members("in_process", 2);
  for (const std::string& code : all_codecs()) {
    const Case c(2, 50001, codec(code), codec("int8"));
    const auto ring = run_all(members, collective("ring"), c);
    const auto direct = run_all(members, collective("direct"), c);
    INFO(code);
    for (std::size_t k = 0; k < 2; ++k) CHECK((*ring[k]->bytes == *direct[k]->bytes));
  }
}

// Mutation: in SiteRun::SiteRun, give the heads the weights of their own; in form_partial, encode
// in the result codec (the frame is refused).
TEST_CASE("hierarchical is the mean of the sites' means, which are encoded in between") {
  const auto members = make_members("in_process", 5);
  Case c(5, 30001, codec("int8"), codec("bf16"));
  c.exchange.sites = {7, 2, 7, 9, 2};  // of islands 4, 3, 2, 1, 0
  const auto results = run_all(members, collective("hierarchical"), c);
  std::vector<std::vector<float>> means;
  std::vector<std::uint64_t> sums;
  for (const std::vector<std::size_t>& site :
       {std::vector<std::size_t>{0, 2}, {1, 4}, std::vector<std::size_t>{3}}) {
    std::vector<std::vector<float>> values;
    std::vector<std::uint64_t> weights;
    for (const std::size_t k : site) {
      values.push_back(c.contribution(c.exchange.contributors[k]));
      weights.push_back(c.exchange.weights[k]);
    }
    means.push_back(site.size() == 1
                        ? values[0]
                        : decode(*c.codec, encode(*c.codec, mean_of(values, weights)), c.elements));
    sums.push_back(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0}));
  }
  const auto bits = encode(codec("bf16"), mean_of(means, sums));
  for (const auto& result : results) {
    REQUIRE(result.status().to_string() == "ok");
    CHECK((*result->bytes == bits));
  }
  c.exchange.sites = {4, 3, 2, 1, 0};
  const auto alone = run_all(members, collective("hierarchical"), c);
  CHECK((*alone[1]->bytes == c.reference(codec("bf16"))));
}

// Mutation: NcclTransport::linked is always true (four links more), or send() does not ask it; in
// counted, add nothing.
TEST_CASE("hierarchical goes over links inside of a site and over the control transport between") {
  const std::vector<std::uint32_t> sites = {0, 0, 0, 1, 1};  // of islands 0 to 4
  const auto links = std::make_shared<MemoryLinks>();
  const auto members = make_nccl_members("in_process", links, sites.size(),
                                         {.linked = [sites](MemberId one, MemberId other) {
                                           return sites[one.island] == sites[other.island];
                                         }});
  Case c(sites.size(), 30001, codec("int8"), codec("bf16"));
  c.exchange.sites = {1, 1, 0, 0, 0};  // of the contributors, islands 4 to 0
  const auto plain = make_members("in_process", sites.size());
  const auto expected = run_all(plain, collective("hierarchical"), c);
  const auto results = run_all(members, collective("hierarchical"), c);
  for (std::size_t i = 0; i < results.size(); ++i) {
    REQUIRE(results[i].status().to_string() == "ok");
    CHECK((*results[i]->bytes == *expected[i]->bytes));
    CHECK(members[i]->bytes_sent() == plain[i]->bytes_sent());
    CHECK(members[i]->bytes_received() == plain[i]->bytes_received());
  }
  CHECK(links->made() == 6);  // each way between the head and the others: two, and one
}

// Mutation: in merge, do not look at the weights (0/0 is not finite); in form_partial, neither.
TEST_CASE("contributions without weight add nothing, wherever they come first") {
  const auto members = make_members("in_process", 4);
  Case c(4, 20000, codec("bf16"), codec("fp32"));
  c.exchange.weights = {0, 0, 5, 0};
  c.exchange.sites = {1, 1, 2, 2};
  const auto bits = encode(codec("fp32"), c.contribution(c.exchange.contributors[2]));
  for (const char* name : kShared)
    for (const auto& result : run_all(members, collective(name), c)) {
      INFO(name);
      REQUIRE(result.status().to_string() == "ok");
      CHECK((*result->bytes == bits));
    }
}

// Mutation: in any bytes_sent(), count one header less; in Pipeline::start_sends, count nothing.
TEST_CASE("the bytes are those that the formula says, and that the transport counted") {
  const std::size_t count = GENERATE(2U, 3U, 4U, 6U);
  const auto members = make_members("in_process", count);
  Case c(count, 700001, codec("bf16"), codec("int8"));
  // The formula's members are in the order of the islands.
  std::ranges::reverse(c.exchange.contributors);
  for (std::uint32_t k = 0; k < count; ++k) c.exchange.sites.push_back(k / 2);
  for (const char* name : {"direct", "gather", "star", "ring", "hierarchical", "gossip"}) {
    std::vector<std::uint64_t> before, came;
    for (const auto& member : members) {
      before.push_back(member->bytes_sent());
      came.push_back(member->bytes_received());
    }
    const auto results = run_all(members, collective(name), c);
    const auto formula =
        collective(name).bytes_sent({count, c.elements, c.codec, c.result_codec, c.exchange.sites});
    for (std::size_t k = 0; k < count; ++k) {
      INFO(name << ", " << count << " members, island " << k);
      REQUIRE(results[k].status().to_string() == "ok");
      CHECK(results[k]->bytes_sent == members[k]->bytes_sent() - before[k]);
      CHECK(results[k]->bytes_received == members[k]->bytes_received() - came[k]);
      if (std::string(name) != "gossip" || count != 3) CHECK(results[k]->bytes_sent == formula[k]);
    }
  }
}

}  // namespace outrigger::bits_test
