#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/collective_report.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

// "  1.230   1.100   1.300", in GB/s.
std::string rates_text(const Json& spread) {
  std::string text;
  for (const char* key : {"median", "min", "max"})
    text += fmt::format("{:>8.3f}", spread.at(key).get<double>() * 1e-9);
  return text;
}

std::string number_text(const Json& number, double factor, int digits) {
  return number.is_null() ? "-" : fmt::format("{:.{}f}", number.get<double>() * factor, digits);
}

std::string size_of(const Json& mb) {
  return fmt::format("{:g}", mb.get<double>());
}

std::string payload_text(const Json& payload) {
  std::string text = fmt::format(
      "\npayload, one way between two processes, GB/s\n{:<6}{:>12}  {:<10}{:>8}{:>8}{:>8}{:>9}{:>9}"
      "\n",
      "MB", "connections", "over", "median", "min", "max", "of TCP", "peak MB");
  for (const Json& record : payload) {
    const auto row = [&](const char* over, const Json& way, const std::string& rest) {
      text += fmt::format("{:<6}{:>12}  {:<10}{}{}\n", size_of(record["mb"]),
                          record["connections"].get<std::size_t>(), over,
                          rates_text(way["bytes_per_s"]), rest);
    };
    row("TCP", record["tcp"], "");
    if (!record["transport"].is_null())
      row("transport", record["transport"],
          fmt::format("{:>9}{:>9}", number_text(record["of_tcp"], 1, 2),
                      number_text(record["peak_over_start_bytes"], 1e-6, 1)));
  }
  return text;
}

std::string rows_text(const Json& rows) {
  std::string text = fmt::format(
      "\nall-reduce, GB/s of the fp32 tensor: tensor to tensor, and of it the exchange of encoded "
      "bytes alone\n{:<11}{:>7}  {:<6}{:<10}{:<7}{:>8}{:>8}{:>8}{:>10}{:>9}{:>9}{:>9}{:>11}\n",
      "collective", "members", "MB", "codec", "result", "tensor", "min", "max", "exchange",
      "sent MB", "CPU s", "peak MB", "best peer");
  for (const Json& row : rows) {
    const std::uint64_t sent = row["sent_bytes"].at(0).get<std::uint64_t>();
    text += fmt::format(
        "{:<11}{:>7}  {:<6}{:<10}{:<7}{}{:>10}{:>9.2f}{:>9}{:>9}{:>11}\n",
        row["collective"].get<std::string>(), row["members"].get<std::size_t>(), size_of(row["mb"]),
        row["codec"].get<std::string>(), row["result_codec"].get<std::string>(),
        rates_text(row["tensor"]["fp32_bytes_per_s"]),
        number_text(row["exchange"]["fp32_bytes_per_s"]["median"], 1e-9, 3),
        static_cast<double>(sent) * 1e-6, number_text(row["tensor"]["cpu_s"]["median"], 1, 3),
        number_text(row["peak_over_start_bytes"], 1e-6, 1),
        row.contains("over_best_peer") ? number_text(row["over_best_peer"], 1, 2) : "-");
  }
  return text;
}

std::string collective_peers_text(const Json& peers) {
  std::string text = "\npeers, tensor to tensor:";
  for (const auto& [library, version] : peers["libraries"].items())
    text += fmt::format(" {} {};", library, version.get<std::string>());
  text.back() = '\n';
  text += fmt::format("{:<30}{:>7}  {:<6}{:<10}{:>8}{:>8}{:>8}\n", "peer", "members", "MB", "codec",
                      "GB/s", "min", "max");
  for (const Json& record : peers["records"])
    text += fmt::format("{:<30}{:>7}  {:<6}{:<10}{}\n", record["peer"].get<std::string>(),
                        record["members"].get<std::size_t>(), size_of(record["mb"]),
                        record["codec"].get<std::string>(), rates_text(record["fp32_bytes_per_s"]));
  return text;
}

}  // namespace

std::string collective_table(const Json& report) {
  const Json& machine = report["machine"];
  std::string text =
      fmt::format("{}, vectors {}, {} cores; {}, {} channels; commit {}; median of {} repeats\n",
                  machine["cpu"].get<std::string>(), machine["vectors"].get<std::string>(),
                  machine["cores"].get<unsigned>(), machine["transport"].get<std::string>(),
                  machine["channels"].get<std::size_t>(), machine["commit"].get<std::string>(),
                  machine["repeats"].get<int>());
  if (!report["payload"].empty()) text += payload_text(report["payload"]);
  if (!report["rows"].empty()) text += rows_text(report["rows"]);
  if (report.contains("peers")) text += collective_peers_text(report["peers"]);
  return text;
}

}  // namespace outrigger
