#include <outrigger/framework/metrics/human.h>

#include <fmt/format.h>

#include <cmath>

namespace outrigger {

std::string human_number(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e5)) return fmt::format("{:.1e}", value);
  return fmt::format("{:.{}f}", value, size < 10 ? 3 : size < 1000 ? 2 : 0);
}

std::string human_count(double value) {
  if (!std::isfinite(value)) return "-";
  if (value < 999.5) return fmt::format("{:.0f}", value);
  if (value < 99'950) return fmt::format("{:.1f}k", value / 1e3);
  if (value < 999'500) return fmt::format("{:.0f}k", value / 1e3);
  if (value < 999.5e6) return fmt::format("{:.2f}M", value / 1e6);
  return fmt::format("{:.2f}G", value / 1e9);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1e3;
  const char* unit = "kB";
  for (const char* next : {"MB", "GB", "TB"}) {
    if (value < 999.95) break;
    value /= 1e3;
    unit = next;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string human_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 0.9995) return fmt::format("{:.0f}ms", seconds * 1e3);
  return fmt::format("{:.1f}s", seconds);
}

std::string human_eta(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "-";
  const auto s = static_cast<long long>(std::llround(seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return out;
}

}  // namespace outrigger
