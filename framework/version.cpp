#include <outrigger/framework/version.h>

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "outrigger_build.h"  // written by CMake: OUTRIGGER_COMMIT, OUTRIGGER_BUILD_TYPE

namespace outrigger {

std::string commit_id() { return OUTRIGGER_COMMIT; }

std::string build_text() {
#ifdef OUTRIGGER_CUDA
  const char* device = "cuda";
#else
  const char* device = "cpu";
#endif
  return fmt::format("{}, g++ {}, LibTorch {}, {}", OUTRIGGER_BUILD_TYPE, __VERSION__, TORCH_VERSION,
                     device);
}

std::string version_text() {
  return fmt::format("outrigger {} (commit {}, {})", kVersion, commit_id(), build_text());
}

}  // namespace outrigger
