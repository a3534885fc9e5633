#include <algorithm>

#include <outrigger/comm/transport/nccl/nccl_links.h>
#include <outrigger/framework/bench/collective_bench.h>

#include "support/catch.h"

namespace outrigger {
namespace collective_cases_test {

CollectiveBenchOptions one_size() {
  CollectiveBenchOptions options;
  options.members = {2};
  options.mb = {0.5};
  options.payload_mb = {};
  return options;
}

std::string refusal(const CollectiveBenchOptions& options) {
  const Status status = check_collective_bench(options, 2);
  CHECK_FALSE(status.ok());
  return status.message();
}

// Of the word behind `option`.
std::string value_of(const std::vector<std::string>& words, const std::string& option) {
  const auto at = std::ranges::find(words, option);
  return at == words.end() ? "(none)" : *(at + 1);
}

}  // namespace collective_cases_test
using namespace collective_cases_test;

// Mutation: sizes as counts of values; without owners nobody owns a shard; result codec always
// fp32.
TEST_CASE("bench collective: every collective in every codec at every size is a case") {
  CollectiveBenchOptions options = one_size();
  options.mb = {0.5, 4};
  options.collectives = {"direct", "gather"};
  options.codecs = {"fp32", "int4"};
  const auto cases = cases_of(options, 3);
  REQUIRE(cases.ok());
  REQUIRE(cases->size() == 8);
  const ExchangeCase& first = cases->front().exchange;
  CHECK(first.collective->name() == "direct");
  CHECK(first.elements == 125'000);
  CHECK(first.owners == std::vector<std::size_t>{0, 1, 2});
  const CollectiveCase& fourth = (*cases)[3];
  CHECK(fourth.mb == 4);
  CHECK(fourth.exchange.codec->name() == "int4");
  CHECK(fourth.exchange.result_codec->name() == "int8");
  CHECK((*cases)[7].exchange.result_codec->name() == "fp32");  // gather sends no result back
}

// Mutation: any one of the checks gone.
TEST_CASE("bench collective: options out of range are refused, naming what would be right") {
  const auto refused = [](const auto& change) {
    CollectiveBenchOptions options = one_size();
    change(options);
    return refusal(options);
  };
  using Options = CollectiveBenchOptions&;
  CHECK(refused([](Options o) { o.members = {1}; }) ==
        "--members: 1 is out of range; give 2 to 64");
  CHECK(refused([](Options o) { o.repeats = 0; }) == "--repeat: 0 is too few; give at least 1");
  CHECK(refused([](Options o) { o.threads = 0; }).find("--threads: 0 is out of range") == 0);
  CHECK(refused([](Options o) { o.mb = {-1}; }).find("--mb: -1 is out of range; give ") == 0);
  CHECK(refused([](Options o) { o.payload_mb = {1e9}; }).find("--payload-mb: 1000000000 is ") == 0);
  CHECK(refused([](Options o) { o.mb = {1e6}; }).find("--mb: 2 members on this machine need ") ==
        0);
  CHECK(refused([](Options o) { o.codecs = {"int9"}; }).find("--codecs: there is no codec") == 0);
  CHECK(refused([](Options o) { o.collectives = {"x"}; }).find("--collectives: no collective") ==
        0);
  CHECK(refused([](Options o) { o.collectives = {"gossip"}; }).find("--collectives: gossip") == 0);
  CHECK(refused([](Options o) { o.collectives = {"all_reduce"}; }).find("give --transport nccl") !=
        std::string::npos);
  CHECK(refused([](Options o) {
          o.collectives = {"direct", "all_reduce"};
          o.wire.transport = "nccl";
        }) == "--codecs: all_reduce has NCCL add up plain fp32; give --codecs fp32");
  CHECK(refused([](Options o) { o.result_codec = "x"; }).find("--result-codec: ") == 0);
  CHECK(refused([](Options o) { o.owners = {2}; }) ==
        "--owners: there is no member 2 among 2; give 0 to 1");
  CHECK(refused([](Options o) { o.wire.transport = "x"; }).find("; give grpc or nccl") !=
        std::string::npos);
  CHECK(refused([](Options o) { o.wire.channels = 0; }).find("--channels: 0 is out of range") == 0);
  CHECK(check_collective_bench(one_size(), 2).ok());
}

// Mutation: check_machine_for always Ok; refuse nccl in check_wire; take the result codec as
// wanted.
TEST_CASE("bench collective: over nccl all_reduce is a case in fp32, where there is a device") {
  CollectiveBenchOptions options = one_size();
  options.wire.transport = "nccl";
  options.collectives = {"direct", "gather", "all_reduce"};
  options.codecs = {"fp32"};
  CHECK(check_collective_bench(options, 2).ok());
  const auto cases = cases_of(options, 2);
  REQUIRE(cases.ok());
  REQUIRE(cases->size() == 3);
  CHECK(cases->back().exchange.collective->name() == "all_reduce");
  CHECK(cases->back().exchange.result_codec->name() == "fp32");
  CHECK(check_machine_for(options.wire).message() == check_nccl().message());
  CHECK(check_machine_for({}).ok());
}

// Mutation: leave out any option; an empty list instead of 0 (the member would take the default).
TEST_CASE("bench collective: a member is told all that it is to measure") {
  CollectiveBenchOptions options = one_size();
  options.mb = {0.25, 4};
  options.owners = {1, 0};
  options.repeats = 7;
  options.wire.channels = 3;
  options.wire.transport = "nccl";
  const auto words = member_arguments(options, {1, 3, "127.0.0.1:9"});
  CHECK(value_of(words, "--member") == "1");
  CHECK(value_of(words, "--of") == "3");
  CHECK(value_of(words, "--meet") == "127.0.0.1:9");
  CHECK(value_of(words, "--mb") == "0.25,4");
  CHECK(value_of(words, "--payload-mb") == "0");
  CHECK(value_of(words, "--payload-connections") == "1,4");
  CHECK(value_of(words, "--codecs") == "fp32,int8,int4");
  CHECK(value_of(words, "--collectives") == "direct");
  CHECK(value_of(words, "--result-codec") == "auto");
  CHECK(value_of(words, "--owners") == "1,0");
  CHECK(value_of(words, "--repeat") == "7");
  CHECK(value_of(words, "--channels") == "3");
  CHECK(value_of(words, "--transport") == "nccl");
  CHECK(value_of(words, "--threads") == "1");
}

}  // namespace outrigger
