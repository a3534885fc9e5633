#pragma once

#include <string>

namespace outrigger {

// The one place that holds the version; CMake reads it from here.
inline constexpr const char* kVersion = "0.1.0";

// "outrigger 0.1.0 (commit 1a2b3c4, Release, LibTorch 2.11.0, cpu)".
std::string version_text();
std::string commit_id();   // of the source that was built; "unknown" outside a git checkout
std::string build_text();  // build type, compiler, LibTorch, device kind

}  // namespace outrigger
