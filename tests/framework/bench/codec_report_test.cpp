#include <outrigger/framework/bench/codec_report.h>

#include <nlohmann/json.hpp>

#include "support/catch.h"

namespace outrigger {
namespace codec_report_test {

using Json = nlohmann::ordered_json;

CodecBenchOptions options() {
  CodecBenchOptions options;
  options.elements = 8192;
  options.threads = 1;
  options.repeats = 2;
  return options;
}

CodecBench bench() {
  CodecFigures int8;
  int8.codec = *find_codec("int8");
  int8.encode = {2e9, 1e9, 3e9};
  int8.encode_alone = {4e9, 3e9, 5e9};
  int8.aggregate = {1e9, 1e9, 1e9};
  int8.decode = {2e9, 2e9, 2e9};
  int8.decode_touched = {12e9, 12e9, 12e9};
  return {{8e9, 6e9, 10e9}, {int8}, 0.5};
}

Json peer(const std::string& codec, const std::string& pass, double median) {
  return {{"peer", "a peer"},
          {"codec", codec},
          {"pass", pass},
          {"fp32_bytes_per_s", {{"median", median}, {"min", median}, {"max", median}}}};
}

}  // namespace codec_report_test
using namespace codec_report_test;

// Mutation: any field left out of codec_report.
TEST_CASE("bench codec: the JSON says where, beside what, and each codec's rates") {
  const Json json = codec_report(options(), bench());
  CHECK(json["bench"] == "codec");
  const Json& machine = json["machine"];
  for (const char* key : {"cpu", "vectors", "commit", "build"})
    CHECK_FALSE(machine.at(key).get<std::string>().empty());
  CHECK(machine["threads"] == 1);
  CHECK(machine["elements"] == 8192);
  CHECK(machine["repeats"] == 2);
  CHECK(json["cpu_share"] == 0.5);
  CHECK(json["memcpy"]["fp32_bytes_per_s"] == Json{{"median", 8e9}, {"min", 6e9}, {"max", 10e9}});
  CHECK(json["memcpy"]["touched_bytes_per_s"]["max"] == 20e9);
  CHECK(json["memcpy"]["spread"] == 0.5);
  const Json& int8 = json["codecs"].at(0);
  CHECK(int8["codec"] == "int8");
  CHECK(int8["bits_per_parameter"] == 8.125);
  CHECK(int8["encode"]["fp32_bytes_per_s"] == Json{{"median", 2e9}, {"min", 1e9}, {"max", 3e9}});
  CHECK(int8["encode_alone"]["fp32_bytes_per_s"]["median"] == 4e9);
  CHECK(int8["aggregate"]["fp32_bytes_per_s"]["median"] == 1e9);
  CHECK(int8["decode"]["fp32_bytes_per_s"]["median"] == 2e9);
  CHECK(int8["decode"]["touched_bytes_per_s"]["median"] == 12e9);
}

// Mutation: divide decode's touched bytes by the bytes that memcpy copies (1.5).
TEST_CASE("bench codec: a share of memcpy compares like with like") {
  const Json int8 = codec_report(options(), bench())["codecs"].at(0);
  CHECK(int8["encode"]["of_memcpy"] == 0.25);
  CHECK(int8["encode_alone"]["of_memcpy"] == 0.5);
  CHECK(int8["aggregate"]["of_memcpy"] == 0.125);
  CHECK(int8["decode"]["of_memcpy"] == 0.75);
}

// Mutation: the ratio the other way round; 0 for what was not measured.
TEST_CASE("bench codec: a peer's record gets our rate over its own") {
  Json report = codec_report(options(), bench());
  const Json records = {peer("int8", "encode", 4e8), peer("int8", "decode", 1e9),
                        peer("int4", "encode", 1e9), peer("int8", "sort", 1e9)};
  REQUIRE(add_codec_peers(report, {{"libraries", {{"torch", "2"}}}, {"records", records}}).ok());
  CHECK(report["peers"]["records"][0]["ours_over_theirs"] == 5);
  CHECK(report["peers"]["records"][1]["ours_over_theirs"] == 2);
  CHECK(report["peers"]["records"][2]["ours_over_theirs"].is_null());
  CHECK(report["peers"]["records"][3]["ours_over_theirs"].is_null());
}

// Mutation: add_codec_peers without the catch.
TEST_CASE("bench codec: peers that print something else are refused") {
  Json report = codec_report(options(), bench());
  for (const Json& peers : {Json::object(), Json{{"records", {{{"codec", "int8"}}}}},
                            Json{{"records", Json::array()}}, Json{{"records", 3}}}) {
    CHECK(add_codec_peers(report, peers).code() == Code::kCorruption);
    CHECK_FALSE(report.contains("peers"));
  }
}

// Mutation: leave the peers out of codec_table; print bytes instead of GB.
TEST_CASE("bench codec: the table has a row for every pass and every peer") {
  Json report = codec_report(options(), bench());
  REQUIRE(add_codec_peers(report, {{"libraries", {{"torch", "2"}, {"torchao", "not installed"}}},
                                   {"records", {peer("int8", "encode", 4e8)}}})
              .ok());
  const std::string table = codec_table(report);
  const auto has = [&](const std::string& text) { return table.find(text) != std::string::npos; };
  CHECK(has("copied              8.00    6.00   10.00      +-25%\n"));
  CHECK(has("encode              2.00    1.00    3.00      0.250\n"));
  CHECK(has("decode, touched    12.00   12.00   12.00      0.750\n"));
  CHECK(has("torchao not installed"));
  CHECK(has("0.40    0.40    0.40     5.0\n"));
}

}  // namespace outrigger
