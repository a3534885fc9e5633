#include <signal.h>

#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "system/cli.h"

namespace outrigger {
namespace bench_test {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

Words collective(const Words& more) {
  Words words = {"bench", "collective"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Seconds of work for two members, were they let.
Words endless() {
  return collective({"--members", "2", "--mb", "64", "--payload-mb", "0", "--repeat", "100000"});
}

}  // namespace bench_test
using namespace bench_test;

// Mutation: members do not sum over all others (results differ: exit code 1); run_group leaves out
// the later groups' rows; the exchange is not counted as sent.
TEST_CASE("bench collective: two processes measure, and end with equal results") {
  const Scratch scratch;
  const Ended ended = run_cli(
      scratch,
      collective({"--members", "2,3", "--mb", "0.1", "--codecs", "fp32,int8", "--collectives",
                  "direct,gather", "--payload-mb", "0.5", "--repeat", "2", "--json"}));
  INFO(ended.err);
  REQUIRE(ended.exit_code == 0);
  const Json report = Json::parse(ended.out);
  REQUIRE(report["payload"].size() == 2);
  CHECK(report["payload"][0]["of_tcp"] > 0);
  CHECK(report["payload"][1]["connections"] == 4);
  REQUIRE(report["rows"].size() == 8);
  for (const Json& row : report["rows"]) {
    const std::size_t members = row["members"].get<std::size_t>();
    CHECK(row["hash"].get<std::string>().size() == 32);
    CHECK(row["exchange"]["fp32_bytes_per_s"]["min"] > 0);
    CHECK(row["tensor"]["fp32_bytes_per_s"]["median"] > 0);
    REQUIRE(row["sent_bytes"].size() == members);
    REQUIRE(row["lower_bound_bytes"].size() == members);
    for (std::size_t k = 0; k < members; ++k) {
      const auto bound = row["lower_bound_bytes"][k].get<double>();
      const auto moved =
          std::max(row["sent_bytes"][k].get<double>(), row["received_bytes"][k].get<double>());
      CHECK(bound <= moved);
      CHECK(moved < bound * 1.01 + 1000);  // headers
    }
  }
  // direct and gather of the same values in fp32 are the same mean.
  CHECK(report["rows"][0]["hash"] == report["rows"][2]["hash"]);
  CHECK(report["rows"][4]["members"] == 3);
}

// Mutation: wait_once does not watch the members.
TEST_CASE("bench collective: a member that dies ends the bench, by name") {
  const Scratch scratch;
  Cli bench(scratch, endless());
  wait_until("both members run", [&] { return bench.children("--member").size() == 2; });
  ::kill(bench.children("--member").at(0), SIGKILL);
  const Ended ended = bench.wait();
  CHECK(ended.exit_code == 1);
  CHECK(ended.err.find("member ") != std::string::npos);
}

// Mutation: become() without prctl.
TEST_CASE("bench collective: no member outlives a bench that is killed") {
  const Scratch scratch;
  Cli bench(scratch, endless());
  wait_until("both members run", [&] { return bench.children("--member").size() == 2; });
  const std::vector<pid_t> members = bench.children("--member");
  ::kill(bench.pid(), SIGKILL);
  (void)bench.wait();
  wait_until("they have ended", [&] { return !alive(members[0]) && !alive(members[1]); });
}

}  // namespace outrigger
