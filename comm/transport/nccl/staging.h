#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <cuda_runtime_api.h>

#include <outrigger/comm/status.h>

namespace outrigger {

// Internal, with CUDA's words, unless it is success.
Status cuda_status(cudaError_t error, const char* what);

// What a link's messages go through: a stream, and windows in the device's memory with as much
// pinned memory each.
struct Staging {
  static constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
  struct Window {
    void* device = nullptr;
    std::byte* host = nullptr;
    cudaEvent_t done = nullptr;  // the work that used it last
  };

  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  Status allocate(int on_device);

  int device = 0;
  cudaStream_t stream = nullptr;
  std::array<Window, 2> windows;
};

// Those of links that are gone, for the next ones. CUDA may hold back whoever allocates or frees
// until kernels under way have ended, and one of those may be another link's, which waits for its
// peer: so nothing is freed before the pool is, and nothing allocated while it has one.
// Thread-safe.
class StagingPool {
 public:
  explicit StagingPool(int device) : device_(device) {}
  Result<std::unique_ptr<Staging>> take();
  // REQUIRES: nothing runs on its stream.
  void give_back(std::unique_ptr<Staging> unused);

 private:
  const int device_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Staging>> unused_;
};

}  // namespace outrigger
