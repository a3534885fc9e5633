#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <outrigger/comm/transport/nccl/nccl_links.h>

namespace outrigger {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr Duration kAbortTakes = std::chrono::seconds(5);
constexpr Duration kPoll = std::chrono::microseconds(20);
constexpr int kMostBlocks = 4;  // of a transfer's kernel: the device is there to train

static_assert(sizeof(ncclUniqueId) == std::tuple_size_v<LinkId>);

Status cuda_status(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return {};
  return {Code::kInternal, fmt::format("{}: {}", what, cudaGetErrorString(error))};
}

Status nccl_status(ncclResult_t result, ncclComm_t comm, const char* what) {
  if (result == ncclSuccess || result == ncclInProgress) return {};
  const bool others = result == ncclRemoteError || result == ncclSystemError;
  std::string last = ncclGetLastError(comm);
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return {
      others ? Code::kUnavailable : Code::kInternal,
      fmt::format("{}: {}{}{}", what, ncclGetErrorString(result), last.empty() ? "" : "; ", last)};
}

struct Stage {
  void* device = nullptr;
  std::byte* host = nullptr;
  cudaEvent_t done = nullptr;  // the work that used it last
};

// What a link holds of the device and of NCCL; a plain handle, so that a thread may be left with
// it.
struct Parts {
  int device = 0;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;
  std::array<Stage, 2> stages;

  Status allocate();
  void release() const;
};

Status Parts::allocate() {
  Status status = cuda_status(cudaSetDevice(device), "cudaSetDevice");
  if (status.ok())
    status =
        cuda_status(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
  for (Stage& stage : stages) {
    if (status.ok()) status = cuda_status(cudaMalloc(&stage.device, kPieceBytes), "cudaMalloc");
    void* host = nullptr;
    if (status.ok()) status = cuda_status(cudaMallocHost(&host, kPieceBytes), "cudaMallocHost");
    stage.host = static_cast<std::byte*>(host);
    if (status.ok())
      status = cuda_status(cudaEventCreateWithFlags(&stage.done, cudaEventDisableTiming),
                           "cudaEventCreate");
  }
  return status;
}

void Parts::release() const {
  cudaSetDevice(device);
  if (comm != nullptr) ncclCommAbort(comm);
  if (stream != nullptr) {
    // Kernels see the abort and end; only then may what they use go.
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
  }
  for (const Stage& stage : stages) {
    if (stage.done != nullptr) cudaEventDestroy(stage.done);
    if (stage.host != nullptr) cudaFreeHost(stage.host);
    if (stage.device != nullptr) cudaFree(stage.device);
  }
}

// The watchdog over an abort: on a thread of its own, which is left behind if it does not come
// back.
void release_in_time(const Parts& parts, const std::function<void(const std::string&)>& warn) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread thread([parts, done] {
    parts.release();
    const std::lock_guard lock(done->mutex);
    done->is = true;
    done->changed.notify_one();
  });
  std::unique_lock lock(done->mutex);
  const bool back = done->changed.wait_for(lock, kAbortTakes, [&] { return done->is; });
  lock.unlock();
  if (back) return thread.join();
  thread.detach();
  if (warn)
    warn(
        fmt::format("a communicator of NCCL's could not be aborted within {} s: its thread and {} "
                    "KiB of device memory are left behind",
                    seconds(kAbortTakes), parts.stages.size() * kPieceBytes >> 10));
}

class NcclLink : public PairLink {
 public:
  NcclLink(int device, int rank, std::function<void(const std::string&)> warn)
      : peer_(1 - rank), warn_(std::move(warn)) {
    parts_.device = device;
  }
  ~NcclLink() override { release_in_time(parts_, warn_); }

  Status connect(const LinkId& id, TimePoint deadline, const std::stop_token& stop);
  Status send(std::span<const std::byte> message, TimePoint deadline,
              const std::stop_token& stop) override;
  Status receive(std::size_t bytes, const Take& take, TimePoint deadline,
                 const std::stop_token& stop) override;

 private:
  // Until what was asked of NCCL is under way; until the stage's work is done.
  Status settle(TimePoint deadline, const std::stop_token& stop);
  Status wait(const Stage& stage, TimePoint deadline, const std::stop_token& stop);
  // Ok while it may go on.
  Status may_wait(TimePoint deadline, const std::stop_token& stop) const;
  Status queue_send(const Stage& stage, std::size_t bytes, TimePoint deadline,
                    const std::stop_token& stop);
  Status queue_receive(const Stage& stage, std::size_t bytes, TimePoint deadline,
                       const std::stop_token& stop);

  Stage& stage(std::size_t piece) { return parts_.stages[piece % parts_.stages.size()]; }

  const int peer_;
  const std::function<void(const std::string&)> warn_;
  Parts parts_;
};

Status NcclLink::may_wait(TimePoint deadline, const std::stop_token& stop) const {
  if (stop.stop_requested()) return {Code::kCancelled, "the link was stopped"};
  if (Clock::now() >= deadline)
    return {Code::kDeadlineExceeded, "the other end of the NCCL link did nothing in time"};
  return {};
}

Status NcclLink::settle(TimePoint deadline, const std::stop_token& stop) {
  for (;;) {
    ncclResult_t now = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(parts_.comm, &now);
    if (asked != ncclSuccess) return nccl_status(asked, parts_.comm, "ncclCommGetAsyncError");
    if (now != ncclInProgress) return nccl_status(now, parts_.comm, "NCCL");
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status NcclLink::wait(const Stage& stage, TimePoint deadline, const std::stop_token& stop) {
  for (;;) {
    const cudaError_t done = cudaEventQuery(stage.done);
    if (done != cudaErrorNotReady) return cuda_status(done, "an NCCL transfer");
    if (const Status status = settle(deadline, stop); !status.ok()) return status;
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status NcclLink::connect(const LinkId& id, TimePoint deadline, const std::stop_token& stop) {
  if (const Status status = parts_.allocate(); !status.ok()) return status;
  ncclUniqueId unique;
  std::memcpy(unique.internal, id.data(), id.size());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.minCTAs = 1;
  config.maxCTAs = kMostBlocks;
  const ncclResult_t begun = ncclCommInitRankConfig(&parts_.comm, 2, unique, 1 - peer_, &config);
  const Status status = nccl_status(begun, parts_.comm, "ncclCommInitRankConfig");
  return status.ok() ? settle(deadline, stop) : status;
}

Status NcclLink::queue_send(const Stage& stage, std::size_t bytes, TimePoint deadline,
                            const std::stop_token& stop) {
  Status status = cuda_status(
      cudaMemcpyAsync(stage.device, stage.host, bytes, cudaMemcpyHostToDevice, parts_.stream),
      "cudaMemcpyAsync");
  if (status.ok())
    status =
        nccl_status(ncclSend(stage.device, bytes, ncclUint8, peer_, parts_.comm, parts_.stream),
                    parts_.comm, "ncclSend");
  if (status.ok()) status = settle(deadline, stop);
  if (status.ok())
    status = cuda_status(cudaEventRecord(stage.done, parts_.stream), "cudaEventRecord");
  return status;
}

Status NcclLink::queue_receive(const Stage& stage, std::size_t bytes, TimePoint deadline,
                               const std::stop_token& stop) {
  Status status =
      nccl_status(ncclRecv(stage.device, bytes, ncclUint8, peer_, parts_.comm, parts_.stream),
                  parts_.comm, "ncclRecv");
  if (status.ok()) status = settle(deadline, stop);
  if (status.ok())
    status = cuda_status(
        cudaMemcpyAsync(stage.host, stage.device, bytes, cudaMemcpyDeviceToHost, parts_.stream),
        "cudaMemcpyAsync");
  if (status.ok())
    status = cuda_status(cudaEventRecord(stage.done, parts_.stream), "cudaEventRecord");
  return status;
}

Status NcclLink::send(std::span<const std::byte> message, TimePoint deadline,
                      const std::stop_token& stop) {
  Status status = cuda_status(cudaSetDevice(parts_.device), "cudaSetDevice");
  std::size_t at = 0;
  for (std::size_t k = 0; status.ok() && at < message.size(); ++k) {
    const auto piece = message.subspan(at, std::min(kPieceBytes, message.size() - at));
    status = wait(stage(k), deadline, stop);
    if (!status.ok()) break;
    std::ranges::copy(piece, stage(k).host);
    status = queue_send(stage(k), piece.size(), deadline, stop);
    at += piece.size();
  }
  for (const Stage& used : parts_.stages)
    if (status.ok()) status = wait(used, deadline, stop);
  return status;
}

Status NcclLink::receive(std::size_t bytes, const Take& take, TimePoint deadline,
                         const std::stop_token& stop) {
  Status status = cuda_status(cudaSetDevice(parts_.device), "cudaSetDevice");
  const auto size = [bytes](std::size_t k) {
    return std::min(kPieceBytes, bytes - k * kPieceBytes);
  };
  const std::size_t count = (bytes + kPieceBytes - 1) / kPieceBytes;
  // The next piece is on its way while one is taken.
  for (std::size_t k = 0; status.ok() && k <= count; ++k) {
    if (k < count) status = queue_receive(stage(k), size(k), deadline, stop);
    if (!status.ok() || k == 0) continue;
    status = wait(stage(k - 1), deadline, stop);
    if (status.ok()) take((k - 1) * kPieceBytes, {stage(k - 1).host, size(k - 1)});
  }
  return status;
}

class NcclLinks : public PairLinks {
 public:
  NcclLinks(int device, std::function<void(const std::string&)> warn)
      : device_(device), warn_(std::move(warn)) {}

  Result<LinkId> make_id() override {
    ncclUniqueId unique;
    const Status status = nccl_status(ncclGetUniqueId(&unique), nullptr, "ncclGetUniqueId");
    if (!status.ok()) return status;
    LinkId id;
    std::memcpy(id.data(), unique.internal, id.size());
    return id;
  }

  Result<std::unique_ptr<PairLink>> connect(const LinkId& id, LinkEnd end, TimePoint deadline,
                                            const std::stop_token& stop) override {
    auto link = std::make_unique<NcclLink>(device_, end == LinkEnd::kReceiver ? 0 : 1, warn_);
    if (const Status status = link->connect(id, deadline, stop); !status.ok()) return status;
    return std::unique_ptr<PairLink>(std::move(link));
  }

 private:
  const int device_;
  const std::function<void(const std::string&)> warn_;
};

}  // namespace

Status check_nccl() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {};
  return {Code::kNotFound,
          fmt::format("comm.transport: nccl needs a CUDA device, and this machine shows none ({}): "
                      "nvidia-smi tells what it has; or take comm.transport: grpc",
                      error == cudaSuccess ? "none found" : cudaGetErrorString(error))};
}

Result<std::shared_ptr<PairLinks>> make_nccl_links(std::function<void(const std::string&)> warn) {
  if (const Status status = check_nccl(); !status.ok()) return status;
  int device = 0;
  const Status status = cuda_status(cudaGetDevice(&device), "cudaGetDevice");
  if (!status.ok()) return status;
  return std::shared_ptr<PairLinks>(std::make_shared<NcclLinks>(device, std::move(warn)));
}

}  // namespace outrigger
