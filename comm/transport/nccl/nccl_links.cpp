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
#include <outrigger/comm/transport/nccl/staging.h>

namespace outrigger {
namespace {

constexpr Duration kAbortTakes = std::chrono::seconds(5);
constexpr Duration kPoll = std::chrono::microseconds(20);
constexpr int kMostBlocks = 4;  // of a transfer's kernel: the device is there to train

static_assert(sizeof(ncclUniqueId) == std::tuple_size_v<LinkId>);

Status nccl_status(ncclResult_t result, ncclComm_t comm, const char* what) {
  if (result == ncclSuccess || result == ncclInProgress) return {};
  const bool others = result == ncclRemoteError || result == ncclSystemError;
  std::string last = ncclGetLastError(comm);
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return {
      others ? Code::kUnavailable : Code::kInternal,
      fmt::format("{}: {}{}{}", what, ncclGetErrorString(result), last.empty() ? "" : "; ", last)};
}

using Window = Staging::Window;

// What a link holds of the device and of NCCL. Shared with the thread that releases it, which may
// be left with it, and NCCL writes to `comm` when a communicator that was asked for is there.
struct Parts {
  ncclComm_t comm = nullptr;
  std::unique_ptr<Staging> staging;
  std::shared_ptr<StagingPool> pool;

  void release();
};

void Parts::release() {
  cudaSetDevice(staging->device);
  if (comm != nullptr) ncclCommAbort(comm);
  // Kernels see the abort and end; only then may another link have what they use.
  if (cudaStreamSynchronize(staging->stream) == cudaSuccess) pool->give_back(std::move(staging));
}

// The watchdog over an abort: on a thread of its own, which is left behind if it does not come
// back.
void release_in_time(const std::shared_ptr<Parts>& parts,
                     const std::function<void(const std::string&)>& warn) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread thread([parts, done] {
    parts->release();
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
        fmt::format("the abort of a communicator of NCCL's has not come back yet, after {} s: "
                    "until it does, its thread stays, with {} KiB of device memory and as much "
                    "of pinned memory",
                    seconds(kAbortTakes),
                    std::tuple_size_v<decltype(Staging::windows)> * Staging::kWindowBytes >> 10));
}

class NcclLink : public PairLink {
 public:
  NcclLink(std::shared_ptr<StagingPool> pool, int rank,
           std::function<void(const std::string&)> warn)
      : peer_(1 - rank), warn_(std::move(warn)) {
    parts_->pool = std::move(pool);
  }
  ~NcclLink() override {
    if (parts_->staging) release_in_time(parts_, warn_);
  }

  Status connect(const LinkId& id, TimePoint deadline, const std::stop_token& stop);
  Status send(std::span<const std::byte> message, TimePoint deadline,
              const std::stop_token& stop) override;
  Status receive(std::size_t bytes, const Take& take, TimePoint deadline,
                 const std::stop_token& stop) override;

 private:
  // Until what was asked of NCCL is under way; until the window's work is done.
  Status settle(TimePoint deadline, const std::stop_token& stop);
  Status wait(const Window& window, TimePoint deadline, const std::stop_token& stop);
  // Ok while it may go on.
  Status may_wait(TimePoint deadline, const std::stop_token& stop) const;
  Status queue_send(const Window& window, std::size_t bytes, TimePoint deadline,
                    const std::stop_token& stop);
  Status queue_receive(const Window& window, std::size_t bytes, TimePoint deadline,
                       const std::stop_token& stop);

  const Window& window(std::size_t piece) const {
    return parts_->staging->windows[piece % parts_->staging->windows.size()];
  }

  const int peer_;
  const std::function<void(const std::string&)> warn_;
  const std::shared_ptr<Parts> parts_ = std::make_shared<Parts>();
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
    const ncclResult_t asked = ncclCommGetAsyncError(parts_->comm, &now);
    if (asked != ncclSuccess) return nccl_status(asked, parts_->comm, "ncclCommGetAsyncError");
    if (now != ncclInProgress) return nccl_status(now, parts_->comm, "NCCL");
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status NcclLink::wait(const Window& window, TimePoint deadline, const std::stop_token& stop) {
  for (;;) {
    const cudaError_t done = cudaEventQuery(window.done);
    if (done != cudaErrorNotReady) return cuda_status(done, "an NCCL transfer");
    if (const Status status = settle(deadline, stop); !status.ok()) return status;
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status NcclLink::connect(const LinkId& id, TimePoint deadline, const std::stop_token& stop) {
  auto staging = parts_->pool->take();
  if (!staging.ok()) return staging.status();
  parts_->staging = std::move(*staging);
  if (const Status set = cuda_status(cudaSetDevice(parts_->staging->device), "cudaSetDevice");
      !set.ok())
    return set;
  ncclUniqueId unique;
  std::memcpy(unique.internal, id.data(), id.size());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.minCTAs = 1;
  config.maxCTAs = kMostBlocks;
  const ncclResult_t begun = ncclCommInitRankConfig(&parts_->comm, 2, unique, 1 - peer_, &config);
  const Status status = nccl_status(begun, parts_->comm, "ncclCommInitRankConfig");
  return status.ok() ? settle(deadline, stop) : status;
}

Status NcclLink::queue_send(const Window& window, std::size_t bytes, TimePoint deadline,
                            const std::stop_token& stop) {
  Status status = cuda_status(cudaMemcpyAsync(window.device, window.host, bytes,
                                              cudaMemcpyHostToDevice, parts_->staging->stream),
                              "cudaMemcpyAsync");
  if (status.ok())
    status = nccl_status(
        ncclSend(window.device, bytes, ncclUint8, peer_, parts_->comm, parts_->staging->stream),
        parts_->comm, "ncclSend");
  if (status.ok()) status = settle(deadline, stop);
  if (status.ok())
    status = cuda_status(cudaEventRecord(window.done, parts_->staging->stream), "cudaEventRecord");
  return status;
}

Status NcclLink::queue_receive(const Window& window, std::size_t bytes, TimePoint deadline,
                               const std::stop_token& stop) {
  Status status = nccl_status(
      ncclRecv(window.device, bytes, ncclUint8, peer_, parts_->comm, parts_->staging->stream),
      parts_->comm, "ncclRecv");
  if (status.ok()) status = settle(deadline, stop);
  if (status.ok())
    status = cuda_status(cudaMemcpyAsync(window.host, window.device, bytes, cudaMemcpyDeviceToHost,
                                         parts_->staging->stream),
                         "cudaMemcpyAsync");
  if (status.ok())
    status = cuda_status(cudaEventRecord(window.done, parts_->staging->stream), "cudaEventRecord");
  return status;
}

Status NcclLink::send(std::span<const std::byte> message, TimePoint deadline,
                      const std::stop_token& stop) {
  Status status = cuda_status(cudaSetDevice(parts_->staging->device), "cudaSetDevice");
  std::size_t at = 0;
  for (std::size_t k = 0; status.ok() && at < message.size(); ++k) {
    const auto piece = message.subspan(at, std::min(Staging::kWindowBytes, message.size() - at));
    status = wait(window(k), deadline, stop);
    if (!status.ok()) break;
    std::ranges::copy(piece, window(k).host);
    status = queue_send(window(k), piece.size(), deadline, stop);
    at += piece.size();
  }
  for (const Window& used : parts_->staging->windows)
    if (status.ok()) status = wait(used, deadline, stop);
  return status;
}

Status NcclLink::receive(std::size_t bytes, const Take& take, TimePoint deadline,
                         const std::stop_token& stop) {
  Status status = cuda_status(cudaSetDevice(parts_->staging->device), "cudaSetDevice");
  const auto size = [bytes](std::size_t k) {
    return std::min(Staging::kWindowBytes, bytes - k * Staging::kWindowBytes);
  };
  const std::size_t count = (bytes + Staging::kWindowBytes - 1) / Staging::kWindowBytes;
  // The next piece is on its way while one is taken.
  for (std::size_t k = 0; status.ok() && k <= count; ++k) {
    if (k < count) status = queue_receive(window(k), size(k), deadline, stop);
    if (!status.ok() || k == 0) continue;
    status = wait(window(k - 1), deadline, stop);
    if (status.ok()) take((k - 1) * Staging::kWindowBytes, {window(k - 1).host, size(k - 1)});
  }
  return status;
}

class NcclLinks : public PairLinks {
 public:
  NcclLinks(int device, std::function<void(const std::string&)> warn)
      : pool_(std::make_shared<StagingPool>(device)), warn_(std::move(warn)) {}

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
    auto link = std::make_unique<NcclLink>(pool_, end == LinkEnd::kReceiver ? 0 : 1, warn_);
    if (const Status status = link->connect(id, deadline, stop); !status.ok()) return status;
    return std::unique_ptr<PairLink>(std::move(link));
  }

 private:
  const std::shared_ptr<StagingPool> pool_;
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
