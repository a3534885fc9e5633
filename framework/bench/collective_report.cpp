#include <outrigger/framework/bench/collective_report.h>

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outrigger/comm/codec/kernels.h>
#include <outrigger/framework/bench/lower_bound.h>
#include <outrigger/framework/bench/spread.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

Json figures_of(std::vector<double> values) {
  const Spread spread = spread_of(std::move(values));
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

Json peak_json(const Peak& peak) {
  return peak ? Json(*peak) : Json();
}

Json way_json(const std::vector<double>& seconds, double bytes) {
  return {{"seconds", figures_of(seconds)}, {"bytes_per_s", figures_of(rates_of(bytes, seconds))}};
}

Json timed_json(const std::vector<double>& seconds, const std::vector<double>& cpu, double bytes) {
  return {{"seconds", figures_of(seconds)},
          {"fp32_bytes_per_s", figures_of(rates_of(bytes, seconds))},
          {"cpu_s", figures_of(cpu)}};
}

double rate_of(const Json& record) {
  return record.at("fp32_bytes_per_s").at("median").get<double>();
}

// What a row is compared with: the same members and size, whatever the peer sends.
bool comparable(const Json& row, const Json& record) {
  return row.at("members") == record.at("members") &&
         row.at("mb").get<double>() == record.at("mb").get<double>();
}

void compare(Json& row, const Json& records) {
  Json over = Json::object();
  double best = 0;
  const double ours = rate_of(row.at("tensor"));
  for (const Json& record : records) {
    if (!comparable(row, record)) continue;
    over[record.at("peer").get<std::string>()] = ours / rate_of(record);
    if (record.at("codec") == "fp32") best = std::max(best, rate_of(record));
  }
  row["over_peers"] = std::move(over);
  row["over_best_peer"] = best > 0 ? Json(ours / best) : Json();
}

}  // namespace

Json payload_json(const PayloadFigures& figures) {
  const double bytes = static_cast<double>(figures.bytes);
  Json record = {{"mb", figures.mb},
                 {"bytes", figures.bytes},
                 {"connections", figures.connections},
                 {"tcp", way_json(figures.tcp_s, bytes)}};
  if (figures.transport_s.empty()) {
    record["transport"] = record["of_tcp"] = nullptr;
  } else {
    record["transport"] = way_json(figures.transport_s, bytes);
    record["of_tcp"] = record["transport"]["bytes_per_s"]["median"].get<double>() /
                       record["tcp"]["bytes_per_s"]["median"].get<double>();
  }
  record["peak_over_start_bytes"] = peak_json(figures.transport_peak);
  return record;
}

Json collective_json(const CollectiveFigures& figures) {
  const ExchangeCase& exchange = figures.measured.exchange;
  const double bytes = sizeof(float) * static_cast<double>(exchange.elements);
  const std::vector<std::uint64_t> bound = lower_bound_bytes(exchange, figures.members);
  return {{"collective", exchange.collective->name()},
          {"members", figures.members},
          {"owners", exchange.owners},
          {"mb", figures.measured.mb},
          {"elements", exchange.elements},
          {"codec", exchange.codec->name()},
          {"result_codec", exchange.result_codec->name()},
          {"encoded_bytes", exchange.codec->encoded_bytes(exchange.elements)},
          {"exchange", timed_json(figures.exchange_s, figures.exchange_cpu_s, bytes)},
          {"tensor", timed_json(figures.tensor_s, figures.tensor_cpu_s, bytes)},
          {"sent_bytes", figures.sent},
          {"received_bytes", figures.received},
          {"lower_bound_bytes", bound.empty() ? Json() : Json(bound)},
          {"peak_over_start_bytes", peak_json(figures.peak)},
          {"hash", figures.hash}};
}

Json collective_report(const CollectiveBenchOptions& options, Json payload, Json rows) {
  const Machine machine = this_machine();
  return {{"bench", "collective"},
          {"machine",
           {{"cpu", machine.cpu.model},
            {"vectors", simd::target_name()},
            {"cores", machine.cores},
            {"transport", options.wire.transport},
            {"channels", options.wire.channels},
            {"threads", options.threads},
            {"repeats", options.repeats},
            {"commit", commit_id()},
            {"build", build_text()}}},
          {"payload", std::move(payload)},
          {"rows", std::move(rows)}};
}

Status add_collective_peers(Json& report, Json peers) {
  Json all = report.value("peers", Json{{"libraries", Json::object()}, {"records", Json::array()}});
  try {
    for (const auto& [library, version] : peers.at("libraries").items())
      all["libraries"][library] = version.get<std::string>();
    for (const Json& record : peers.at("records")) {
      (void)rate_of(record);
      all["records"].push_back(record);
    }
    Json rows = report.at("rows");
    for (Json& row : rows) compare(row, all["records"]);
    report["rows"] = std::move(rows);
  } catch (const Json::exception& error) {
    return {Code::kCorruption,
            fmt::format("a peer's JSON is not as the scripts of tools/peers print it: {}",
                        error.what())};
  }
  report["peers"] = std::move(all);
  return {};
}

}  // namespace outrigger
