#pragma once

namespace outrigger {

// The one place that holds the version; CMake reads it from here.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace outrigger
