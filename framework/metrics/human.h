#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace outrigger {

// Numbers and foreign text as people read them. A number that is not known (NaN) is "-".
std::string human_number(double value);        // "2.314", "1.2e-05", "inf"
std::string human_count(double value);         // "870", "8.9k", "1.20M"
std::string human_bytes(std::uint64_t bytes);  // "512 B", "14.2 MB" (powers of 1000)
std::string human_seconds(double seconds);     // "12ms", "3.1s"
std::string human_eta(double seconds);         // "45s", "2m05s", "3h07m", "2d04h"

// The text with every control character but newline and tab as '?', so that what a child wrote
// cannot steer a terminal. UTF-8 passes.
std::string printable(std::string_view text);

}  // namespace outrigger
