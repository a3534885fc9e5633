#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/staging.h>

namespace outrigger {

Status cuda_status(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return {};
  return {Code::kInternal, fmt::format("{}: {}", what, cudaGetErrorString(error))};
}

Status Staging::allocate(int on_device) {
  device = on_device;
  Status status = cuda_status(cudaSetDevice(device), "cudaSetDevice");
  if (status.ok())
    status =
        cuda_status(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  for (Window& window : windows) {
    if (status.ok()) status = cuda_status(cudaMalloc(&window.device, kWindowBytes), "cudaMalloc");
    void* host = nullptr;
    if (status.ok()) status = cuda_status(cudaMallocHost(&host, kWindowBytes), "cudaMallocHost");
    window.host = static_cast<std::byte*>(host);
    if (status.ok())
      status = cuda_status(cudaEventCreateWithFlags(&window.done, cudaEventDisableTiming),
                           "cudaEventCreate");
  }
  return status;
}

Staging::~Staging() {
  cudaSetDevice(device);
  if (stream != nullptr) cudaStreamDestroy(stream);
  for (const Window& window : windows) {
    if (window.done != nullptr) cudaEventDestroy(window.done);
    if (window.host != nullptr) cudaFreeHost(window.host);
    if (window.device != nullptr) cudaFree(window.device);
  }
}

Result<std::unique_ptr<Staging>> StagingPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!unused_.empty()) {
      auto one = std::move(unused_.back());
      unused_.pop_back();
      return one;
    }
  }
  auto one = std::make_unique<Staging>();
  if (const Status status = one->allocate(device_); !status.ok()) return status;
  return one;
}

void StagingPool::give_back(std::unique_ptr<Staging> unused) {
  const std::lock_guard lock(mutex_);
  unused_.push_back(std::move(unused));
}

}  // namespace outrigger
