#include <outrigger/framework/cli/tcp_settings.h>

#include <fstream>
#include <iterator>

namespace outrigger {
namespace {

TcpSettings::Sizes read_sizes(const std::filesystem::path& path) {
  std::ifstream file(path);
  TcpSettings::Sizes sizes = {};
  if (file >> sizes[0] >> sizes[1] >> sizes[2]) return sizes;
  return {};
}

}  // namespace

TcpSettings read_tcp_settings(const std::filesystem::path& folder) {
  TcpSettings settings;
  std::ifstream(folder / "tcp_congestion_control") >> settings.congestion;
  std::ifstream available(folder / "tcp_available_congestion_control");
  settings.available.assign(std::istream_iterator<std::string>(available), {});
  int after_idle = 0;
  std::ifstream(folder / "tcp_slow_start_after_idle") >> after_idle;
  settings.slow_start_after_idle = after_idle != 0;
  settings.receive = read_sizes(folder / "tcp_rmem");
  settings.send = read_sizes(folder / "tcp_wmem");
  return settings;
}

}  // namespace outrigger
