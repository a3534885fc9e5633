#include <outrigger/framework/bench/codec_report.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPasses[] = {"encode", "encode_alone", "aggregate", "decode"};

Json spread_json(const Spread& spread, double factor = 1) {
  return {{"median", spread.median * factor},
          {"min", spread.min * factor},
          {"max", spread.max * factor}};
}

Json pass_json(const Spread& rate, const Spread& memcpy) {
  return {{"fp32_bytes_per_s", spread_json(rate)}, {"of_memcpy", rate.median / memcpy.median}};
}

Json codec_json(const CodecFigures& figures, const Spread& memcpy) {
  return {{"codec", figures.codec->name()},
          {"bits_per_parameter", bits_per_value(*figures.codec)},
          {"encode", pass_json(figures.encode, memcpy)},
          {"encode_alone", pass_json(figures.encode_alone, memcpy)},
          {"aggregate", pass_json(figures.aggregate, memcpy)},
          {"decode",
           {{"fp32_bytes_per_s", spread_json(figures.decode)},
            {"touched_bytes_per_s", spread_json(figures.decode_touched)},
            {"of_memcpy", figures.decode_touched.median / (2 * memcpy.median)}}}};
}

// Our median of a codec's pass; null if it was not measured.
Json median_of(const Json& report, const Json& codec, const Json& pass) {
  for (const Json& record : report["codecs"])
    if (record["codec"] == codec && record.contains(pass.get<std::string>()))
      return record[pass.get<std::string>()]["fp32_bytes_per_s"]["median"];
  return nullptr;
}

// "  5.61    5.50    5.70", in GB/s.
std::string spread_text(const Json& spread) {
  std::string text;
  for (const char* key : {"median", "min", "max"})
    text += fmt::format("{:>8.2f}", spread[key].get<double>() * 1e-9);
  return text;
}

std::string peers_text(const Json& peers) {
  std::string text = "\npeers:";
  for (const auto& [library, version] : peers["libraries"].items())
    text += fmt::format(" {} {};", library, version.get<std::string>());
  text.back() = '\n';
  text += fmt::format("{:<58}{:<14}{:<13}{:>8}{:>8}{:>8}{:>8}\n", "peer", "codec", "pass", "GB/s",
                      "min", "max", "ours/");
  for (const Json& peer : peers["records"]) {
    const Json& ratio = peer["ours_over_theirs"];
    text += fmt::format("{:<58}{:<14}{:<13}{}{:>8}\n", peer["peer"].get<std::string>(),
                        peer["codec"].get<std::string>(), peer["pass"].get<std::string>(),
                        spread_text(peer["fp32_bytes_per_s"]),
                        ratio.is_null() ? "-" : fmt::format("{:.1f}", ratio.get<double>()));
  }
  return text;
}

}  // namespace

Json codec_report(const CodecBenchOptions& options, const CodecBench& bench) {
  const Spread& memcpy = bench.memcpy;
  Json codecs = Json::array();
  for (const CodecFigures& figures : bench.codecs) codecs.push_back(codec_json(figures, memcpy));
  return {{"bench", "codec"},
          {"machine",
           {{"cpu", this_machine().cpu.model},
            {"vectors", simd::target_name()},
            {"threads", options.threads},
            {"elements", options.elements},
            {"repeats", options.repeats},
            {"commit", commit_id()},
            {"build", build_text()}}},
          {"memcpy",
           {{"fp32_bytes_per_s", spread_json(memcpy)},
            {"touched_bytes_per_s", spread_json(memcpy, 2)},
            {"spread", (memcpy.max - memcpy.min) / memcpy.median}}},
          {"cpu_share", bench.cpu_share},
          {"codecs", std::move(codecs)}};
}

Status add_codec_peers(Json& report, Json peers) {
  try {
    for (Json& record : peers.at("records")) {
      const Json ours = median_of(report, record.at("codec"), record.at("pass"));
      const double theirs = record.at("fp32_bytes_per_s").at("median").get<double>();
      record["ours_over_theirs"] = ours.is_null() ? Json() : Json(ours.get<double>() / theirs);
    }
    (void)peers.at("libraries");
  } catch (const Json::exception& error) {
    return {
        Code::kCorruption,
        fmt::format("the peers' JSON is not as tools/peers/codec.py prints it: {}", error.what())};
  }
  report["peers"] = std::move(peers);
  return {};
}

std::string codec_table(const Json& report) {
  const Json& machine = report["machine"];
  const Json& memcpy = report["memcpy"];
  std::string text = fmt::format(
      "{}, vectors {}, threads {}, which ran {:.0f}% of the time; commit {}\n{} values, median of "
      "{} repeats, in GB/s: fp32 bytes "
      "a "
      "second (decode: also bytes touched)\n\n",
      machine["cpu"].get<std::string>(), machine["vectors"].get<std::string>(),
      machine["threads"].get<std::size_t>(), report["cpu_share"].get<double>() * 100,
      machine["commit"].get<std::string>(), machine["elements"].get<std::size_t>(),
      machine["repeats"].get<int>());
  text += fmt::format("{:<20}{:>8}  {:<16}{:>8}{:>8}{:>8}{:>11}\n", "codec", "bits", "pass", "GB/s",
                      "min", "max", "of memcpy");
  text += fmt::format("{:<20}{:>8}  {:<16}{}{:>11}\n", "memcpy", "", "copied",
                      spread_text(memcpy["fp32_bytes_per_s"]),
                      fmt::format("+-{:.0f}%", memcpy["spread"].get<double>() * 50));
  for (const Json& record : report["codecs"]) {
    const auto row = [&](const std::string& pass, const Json& spread, const std::string& ratio) {
      text +=
          fmt::format("{:<20}{:>8.3f}  {:<16}{}{:>11}\n", record["codec"].get<std::string>(),
                      record["bits_per_parameter"].get<double>(), pass, spread_text(spread), ratio);
    };
    for (const char* pass : kPasses) {
      const Json& figures = record[pass];
      const std::string ratio = fmt::format("{:.3f}", figures["of_memcpy"].get<double>());
      const bool touched = figures.contains("touched_bytes_per_s");
      row(pass, figures["fp32_bytes_per_s"], touched ? "" : ratio);
      if (touched) row("decode, touched", figures["touched_bytes_per_s"], ratio);
    }
  }
  return report.contains("peers") ? text + peers_text(report["peers"]) : text;
}

}  // namespace outrigger
