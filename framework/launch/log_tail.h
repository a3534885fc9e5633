#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace outrigger {

// The last lines of a text file, without control characters, each cut at 300 bytes; reads at most
// the last 16 KiB of the file. Empty if there is no such file. An unfinished last line counts.
std::vector<std::string> last_lines(const std::string& path, std::size_t max_lines);

}  // namespace outrigger
