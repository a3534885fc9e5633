#include <outrigger/framework/bench/collective_report.h>

#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/collective_runs.h>

#include "support/catch.h"

namespace outrigger {
namespace collective_report_test {

using Json = nlohmann::ordered_json;

CollectiveFigures figures() {
  CollectiveFigures made;
  made.members = 2;
  made.measured.mb = 4;
  ExchangeCase& exchange = made.measured.exchange;
  exchange.collective = *find_collective("direct");
  exchange.elements = 1'000'000;
  exchange.codec = *find_codec("int8");
  exchange.result_codec = *find_codec("int8");
  exchange.owners = {0, 1};
  made.exchange_s = {0.001, 0.002, 0.004};
  made.exchange_cpu_s = {0.1, 0.2, 0.3};
  made.tensor_s = {0.004, 0.008, 0.016};
  made.tensor_cpu_s = {1, 2, 3};
  made.sent = {1'000'000, 1'000'001};
  made.received = {1'000'001, 1'000'000};
  made.peak = 5e6;
  made.hash = "00ff";
  return made;
}

PayloadFigures payload() {
  return {64, 64'000'000, 1, {0.02, 0.02, 0.01}, {0.04, 0.04, 0.04}, 1e6};
}

Json peer(const std::string& name, const std::string& codec, std::size_t members, double mb,
          double median) {
  return {{"peer", name},
          {"codec", codec},
          {"members", members},
          {"mb", mb},
          {"fp32_bytes_per_s", {{"median", median}, {"min", median}, {"max", median}}}};
}

Json report() {
  return collective_report({}, {payload_json(payload())}, {collective_json(figures())});
}

Lap lap(const char* first, const char* second) {
  return {1, 1, {Json{{"hash", first}}, Json{{"hash", second}}}};
}

}  // namespace collective_report_test
using namespace collective_report_test;

// Mutation: any field left out; the exchange's seconds for the tensor's.
TEST_CASE("bench collective: a row says what was measured and both ways' figures") {
  const Json row = collective_json(figures());
  CHECK(row["collective"] == "direct");
  CHECK(row["members"] == 2);
  CHECK(row["owners"] == Json{0, 1});
  CHECK(row["mb"] == 4.0);
  CHECK(row["elements"] == 1'000'000);
  CHECK(row["codec"] == "int8");
  CHECK(row["result_codec"] == "int8");
  CHECK(row["encoded_bytes"] == (*find_codec("int8"))->encoded_bytes(1'000'000));
  CHECK(row["exchange"]["seconds"] == Json{{"median", 0.002}, {"min", 0.001}, {"max", 0.004}});
  CHECK(row["exchange"]["fp32_bytes_per_s"]["median"].get<double>() == Approx(2e9));
  CHECK(row["exchange"]["cpu_s"]["median"] == 0.2);
  CHECK(row["tensor"]["seconds"]["max"] == 0.016);
  CHECK(row["tensor"]["fp32_bytes_per_s"]["median"].get<double>() == Approx(0.5e9));
  CHECK(row["tensor"]["cpu_s"]["max"] == 3);
  CHECK(row["sent_bytes"] == Json{1'000'000, 1'000'001});
  CHECK(row["received_bytes"] == Json{1'000'001, 1'000'000});
  CHECK(row["lower_bound_bytes"].size() == 2);
  CHECK(row["peak_over_start_bytes"] == 5e6);
  CHECK(row["hash"] == "00ff");
}

// Mutation: 0 for what is not known.
TEST_CASE("bench collective: what is not known is null") {
  CollectiveFigures made = figures();
  made.peak.reset();
  made.measured.exchange.collective = *find_collective("gossip");
  const Json row = collective_json(made);
  CHECK(row["peak_over_start_bytes"].is_null());
  CHECK(row["lower_bound_bytes"].is_null());
  PayloadFigures tcp_only = payload();
  tcp_only.transport_s.clear();
  tcp_only.transport_peak.reset();
  const Json record = payload_json(tcp_only);
  CHECK(record["transport"].is_null());
  CHECK(record["of_tcp"].is_null());
}

// Mutation: the ratio the other way round.
TEST_CASE("bench collective: a payload's record has the transport's rate over TCP's") {
  const Json record = payload_json(payload());
  CHECK(record["connections"] == 1);
  CHECK(record["tcp"]["bytes_per_s"]["median"].get<double>() == Approx(3.2e9));
  CHECK(record["transport"]["bytes_per_s"]["min"].get<double>() == Approx(1.6e9));
  CHECK(record["of_tcp"].get<double>() == Approx(0.5));
}

// Mutation: any field left out of collective_report.
TEST_CASE("bench collective: the report says where") {
  const Json json = report();
  CHECK(json["bench"] == "collective");
  for (const char* key : {"cpu", "vectors", "commit", "build", "transport"})
    CHECK_FALSE(json["machine"].at(key).get<std::string>().empty());
  for (const char* key : {"cores", "channels", "threads", "repeats"})
    CHECK(json["machine"].at(key).get<int>() > 0);
}

// Mutation: compare with other members or sizes; the best peer is the last; it may be quantised.
TEST_CASE("bench collective: a row gets its rate over the peers' at the same members and size") {
  Json json = report();
  const Json records = {peer("Gloo", "fp32", 2, 4, 0.25e9),
                        peer("Gloo, 4 groups", "fp32", 2, 4, 0.2e9),
                        peer("Gloo", "fp32", 4, 4, 1e9), peer("Gloo", "fp32", 2, 64, 1e9)};
  REQUIRE(add_collective_peers(json, {{"libraries", {{"torch", "2"}}}, {"records", records}}).ok());
  REQUIRE(add_collective_peers(json, {{"libraries", {{"PCCL", "1"}}},
                                      {"records", {peer("PCCL, uint8", "uint8", 2, 4, 1e9)}}})
              .ok());
  const Json& row = json["rows"][0];
  CHECK(row["over_peers"].size() == 3);
  CHECK(row["over_peers"]["Gloo"].get<double>() == Approx(2));
  CHECK(row["over_peers"]["PCCL, uint8"].get<double>() == Approx(0.5));
  CHECK(row["over_best_peer"].get<double>() == Approx(2));
  CHECK(json["peers"]["libraries"].size() == 2);
  CHECK(json["peers"]["records"].size() == 5);
}

// Mutation: 0 instead of null.
TEST_CASE("bench collective: no ratio is made up where no peer was measured") {
  Json json = report();
  REQUIRE(add_collective_peers(
              json, {{"libraries", {{"PCCL", "not installed"}}}, {"records", Json::array()}})
              .ok());
  CHECK(json["rows"][0]["over_best_peer"].is_null());
}

// Mutation: add_collective_peers without the catch; records are added before they are looked at.
TEST_CASE("bench collective: peers that print something else are refused") {
  Json json = report();
  for (const Json& peers :
       {Json::object(), Json{{"libraries", Json::object()}, {"records", {{{"peer", "x"}}}}},
        Json{{"libraries", {{"x", 3}}}, {"records", Json::array()}}}) {
    CHECK(add_collective_peers(json, peers).code() == Code::kCorruption);
    CHECK_FALSE(json.contains("peers"));
  }
}

// Mutation: print bytes instead of GB; leave the peers out.
TEST_CASE("bench collective: the table has a line for every figure") {
  Json json = report();
  REQUIRE(add_collective_peers(json, {{"libraries", {{"PCCL", "not installed"}}},
                                      {"records", {peer("Gloo", "fp32", 2, 4, 0.25e9)}}})
              .ok());
  const std::string table = collective_table(json);
  const auto has = [&](const std::string& text) { return table.find(text) != std::string::npos; };
  CHECK(has("64               1  TCP          3.200   3.200   6.400\n"));
  CHECK(has("transport    1.600   1.600   1.600     0.50      1.0\n"));
  CHECK(has("direct           2  4     int8      int8      0.500   0.250   1.000     2.000"));
  CHECK(has("5.0       2.00\n"));
  CHECK(has("PCCL not installed"));
  CHECK(has("Gloo                                2  4     fp32         0.250   0.250   0.250\n"));
}

// Mutation: compare the first member's hash with itself only; forget the earlier laps'.
TEST_CASE("bench collective: results that differ between members or repeats are an error") {
  std::string hash;
  CHECK(check_hashes(lap("a", "a"), hash).ok());
  CHECK(hash == "a");
  CHECK(check_hashes(lap("a", "b"), hash).message() ==
        "member 1 ended with the result b, others or earlier repeats with a");
  CHECK(check_hashes(lap("b", "b"), hash).code() == Code::kInternal);
}

}  // namespace outrigger
