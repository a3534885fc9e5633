#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace outrigger {

// What the kernel's settings say of how TCP connections begin and grow.
struct TcpSettings {
  using Sizes = std::array<std::uint64_t, 3>;  // bytes of a connection's buffer: least, first, most
  std::string congestion;                      // "cubic"; empty where not told
  std::vector<std::string> available;          // what `congestion` could be, as modules are loaded
  bool slow_start_after_idle = false;          // false where not told, too
  Sizes receive = {};                          // zeros where not told
  Sizes send = {};
};

// Reads them from `folder` (Linux has /proc/sys/net/ipv4). A file that is missing or that is not
// as Linux writes it, as in some containers, counts as not told.
TcpSettings read_tcp_settings(const std::filesystem::path& folder);

}  // namespace outrigger
