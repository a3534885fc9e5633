#include <outrigger/framework/launch/log_tail.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include <outrigger/framework/metrics/human.h>

namespace outrigger {
namespace {

constexpr std::streamoff kMaxTailBytes = 16 * 1024;
constexpr std::size_t kMaxTailLineBytes = 300;

}  // namespace

std::vector<std::string> last_lines(const std::string& path, std::size_t max_lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  const std::streamoff from = std::max<std::streamoff>(0, size - kMaxTailBytes);
  std::string tail(static_cast<std::size_t>(size - from), '\0');
  file.seekg(from);
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  tail.resize(static_cast<std::size_t>(file.gcount()));

  std::istringstream stream(tail);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);)
    lines.push_back(printable(line.substr(0, kMaxTailLineBytes)));
  if (lines.size() > max_lines)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(max_lines));
  return lines;
}

}  // namespace outrigger
