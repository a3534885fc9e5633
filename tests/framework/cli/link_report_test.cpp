#include <outrigger/framework/cli/link_report.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <outrigger/comm/membership/journal.h>
#include <outrigger/comm/membership/service.h>
#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;

namespace outrigger::link_report_test {
namespace {

KnownLinks known() {
  return {"host:7077",
          {"quick",
           {"ada", "bob\x1b", "cy"},
           {{0, 1, 12.5e6, false, 90, 0.0801, 3}, {1, 0, 1.25e6, true, 2, 0, 0}}}};
}

void note(const std::string& runs, const std::string& run, const std::string& address) {
  std::filesystem::create_directories(runs + "/" + run);
  std::ofstream(runs + "/" + run + "/coordinator") << address << "\n";
}

// Takes connections and never says a word.
class Silent {
 public:
  Silent() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof place;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&place), size) == 0);
    REQUIRE(::listen(socket_, 16) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&place), &size) == 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(place.sin_port));
  }
  ~Silent() { ::close(socket_); }
  const std::string& address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

}  // namespace

// Mutation: in all_rates_known, count the islands' squares; in matrix, swap from and to; in
// rate_cell, tell bytes; leave out printable.
TEST_CASE(
    "links: the table has rows from, columns to, sources and ages, and - for what is not known") {
  CHECK(links_text(known()) ==
        "job quick at host:7077\n"
        "\n"
        "round trip, ms\n"
        "from \\ to  ada            bob?  cy\n"
        "ada          -  80.10 probe 3s   -\n"
        "bob?         -               -   -\n"
        "cy           -               -   -\n"
        "\n"
        "rate, Mbit/s of payload (a probe has the link to itself, a round keeps all busy at once)\n"
        "from \\ to             ada                bob?  cy\n"
        "ada                     -  100.00 probe 1m30s   -\n"
        "bob?       10.00 round 2s                   -   -\n"
        "cy                      -                   -   -\n"
        "-: not known. Over nccl, and beside a round, no probe tells a rate; rounds do, if they "
        "take several messages.\n");
  KnownLinks all = known();
  all.table.islands = {"ada", "bob"};
  CHECK(links_text(all).find("nccl") == std::string::npos);
}

// Mutation: in figures_json, leave out the factor of 1000, or the source.
TEST_CASE("links: the JSON has every pair, with null for what is not known") {
  const auto json = nlohmann::json::parse(links_json(known()));
  CHECK(json["job"] == "quick");
  REQUIRE(json["links"].size() == 6);
  const auto& there = json["links"][0];
  CHECK(there["from"] == "ada");
  CHECK(there["mbit_per_s"] == 100);
  CHECK(there["source"] == "probe");
  CHECK(there["round_trip_ms"].get<double>() == Approx(80.1));
  const auto& back = json["links"][2];
  CHECK(back["to"] == "ada");
  CHECK(back["source"] == "round");
  CHECK(back["age_s"] == 2);
  CHECK(back["round_trip_ms"].is_null());
  CHECK(json["links"][5]["mbit_per_s"].is_null());
}

// Mutation: in find_links, do not compare the job; in candidates, sort the oldest first.
TEST_CASE("links: the newest run whose own coordinator answers is found") {
  const test::TemporaryFolder runs;
  CHECK(find_links(runs.path("nowhere"), false).status().code() == Code::kNotFound);
  CoordinatorConfig config;
  config.islands = {"ada"};
  std::vector<std::unique_ptr<CoordinatorService>> services;
  for (const char* job : {"older", "newer"}) {
    config.job = job;
    services.push_back(CoordinatorService::start(config, memory_journal(), {}).value_or_throw());
  }
  const auto written = [&](const char* run, int age_s) {
    std::filesystem::last_write_time(
        runs.path() + "/" + run + "/coordinator",
        std::filesystem::file_time_type::clock::now() - std::chrono::seconds(age_s));
  };
  note(runs.path(), "older", services[0]->address());
  note(runs.path(), "newer", services[1]->address());
  note(runs.path(), "over", "127.0.0.1:1");
  note(runs.path(), "reused", services[0]->address());  // the port is another job's now
  written("reused", 0);
  written("over", 10);
  written("newer", 20);
  written("older", 30);
  CHECK(find_links(runs.path(), false).value_or_throw().table.job == "newer");
  services.pop_back();
  const KnownLinks found = find_links(runs.path(), false).value_or_throw();
  CHECK(found.table.job == "older");
  CHECK(found.address == services[0]->address());
  services.clear();
  const Status none = find_links(runs.path(), false).status();
  CHECK(none.code() == Code::kNotFound);
  CHECK(none.message().find("of the newest, reused, no coordinator answers at") !=
        std::string::npos);
}

// Mutation: in find_links, leave out the return of InvalidArgument.
TEST_CASE("links: a newest run off loopback is not hidden by an older one") {
  const test::TemporaryFolder runs;
  CoordinatorConfig config;
  config.islands = {"ada"};
  config.job = "older";
  const auto service = CoordinatorService::start(config, memory_journal(), {}).value_or_throw();
  note(runs.path(), "older", service->address());
  note(runs.path(), "newer", "192.0.2.1:7077");
  std::filesystem::last_write_time(
      runs.path() + "/older/coordinator",
      std::filesystem::file_time_type::clock::now() - std::chrono::seconds(10));
  const Status refused = find_links(runs.path(), false).status();
  CHECK(refused.code() == Code::kInvalidArgument);
  CHECK(refused.message().find("run newer") != std::string::npos);
  CHECK(refused.message().find("what is asked and answered would cross the network") !=
        std::string::npos);
  CHECK(refused.message().find("--insecure") != std::string::npos);
}

// Mutation: in find_links, std::launch::async -> deferred.
TEST_CASE("links: runs on hosts that do not answer are waited for together") {
  const test::TemporaryFolder runs;
  const Silent silent;
  for (const char* run : {"a", "b", "c", "d"}) note(runs.path(), run, silent.address());
  const TimePoint asked = Clock::now();
  CHECK(find_links(runs.path(), false).status().code() == Code::kNotFound);
  CHECK(seconds(Clock::now() - asked) < 6);
}

}  // namespace outrigger::link_report_test
