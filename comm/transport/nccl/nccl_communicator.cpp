#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <outrigger/comm/transport/nccl/nccl_communicator.h>

namespace outrigger {

// Shared with the thread that releases it, which may be left with it, and NCCL writes to `comm`
// when a communicator that was asked for is there.
struct Communicator::Parts {
  explicit Parts(std::shared_ptr<StagingPool> from) : pool(std::move(from)) {}
  void release();

  ncclComm_t comm = nullptr;
  std::unique_ptr<Staging> staging;
  const std::shared_ptr<StagingPool> pool;
};

namespace {

constexpr Duration kAbortTakes = std::chrono::seconds(5);
constexpr Duration kPoll = std::chrono::microseconds(20);
constexpr int kMostBlocks = 4;  // of a transfer's kernel: the device is there to train

static_assert(sizeof(ncclUniqueId) == std::tuple_size_v<LinkId>);

// Ok while it may go on.
Status may_wait(TimePoint deadline, const std::stop_token& stop) {
  if (stop.stop_requested()) return {Code::kCancelled, "the link was stopped"};
  if (Clock::now() >= deadline)
    return {Code::kDeadlineExceeded, "the other end of the NCCL link did nothing in time"};
  return {};
}

// The watchdog over an abort: on a thread of its own, which is left behind if it does not come
// back.
void release_in_time(std::function<void()> release, const Communicator::Warn& warn) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread thread([release = std::move(release), done] {
    release();
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

}  // namespace

Status nccl_status(ncclResult_t result, ncclComm_t comm, const char* what) {
  if (result == ncclSuccess || result == ncclInProgress) return {};
  const bool others = result == ncclRemoteError || result == ncclSystemError;
  std::string last = ncclGetLastError(comm);
  while (!last.empty() && last.back() == '\n') last.pop_back();
  return {
      others ? Code::kUnavailable : Code::kInternal,
      fmt::format("{}: {}{}{}", what, ncclGetErrorString(result), last.empty() ? "" : "; ", last)};
}

void Communicator::Parts::release() {
  cudaSetDevice(staging->device);
  if (comm != nullptr) ncclCommAbort(comm);
  // Kernels see the abort and end; only then may another link have what they use.
  if (cudaStreamSynchronize(staging->stream) == cudaSuccess) pool->give_back(std::move(staging));
}

Communicator::Communicator(std::shared_ptr<StagingPool> pool, Warn warn)
    : warn_(std::move(warn)), parts_(std::make_shared<Parts>(std::move(pool))) {}

Communicator::~Communicator() {
  if (parts_->staging) release_in_time([parts = parts_] { parts->release(); }, warn_);
}

Status Communicator::connect(const LinkId& id, std::size_t rank, std::size_t ranks,
                             TimePoint deadline, const std::stop_token& stop) {
  auto staging = parts_->pool->take();
  if (!staging.ok()) return staging.status();
  parts_->staging = std::move(*staging);
  if (const Status set = use_device(); !set.ok()) return set;
  ncclUniqueId unique;
  std::memcpy(unique.internal, id.data(), id.size());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.minCTAs = 1;
  config.maxCTAs = kMostBlocks;
  return begun(ncclCommInitRankConfig(&parts_->comm, static_cast<int>(ranks), unique,
                                      static_cast<int>(rank), &config),
               "ncclCommInitRankConfig", deadline, stop);
}

Status Communicator::use_device() const {
  return cuda_status(cudaSetDevice(parts_->staging->device), "cudaSetDevice");
}

ncclComm_t Communicator::comm() const {
  return parts_->comm;
}

cudaStream_t Communicator::stream() const {
  return parts_->staging->stream;
}

const Communicator::Window& Communicator::window(std::size_t piece) const {
  return parts_->staging->windows[piece % parts_->staging->windows.size()];
}

Status Communicator::queue_to_device(const Window& window, std::size_t bytes) const {
  return cuda_status(
      cudaMemcpyAsync(window.device, window.host, bytes, cudaMemcpyHostToDevice, stream()),
      "cudaMemcpyAsync");
}

Status Communicator::queue_to_host(const Window& window, std::size_t bytes) const {
  return cuda_status(
      cudaMemcpyAsync(window.host, window.device, bytes, cudaMemcpyDeviceToHost, stream()),
      "cudaMemcpyAsync");
}

Status Communicator::begun(ncclResult_t result, const char* what, TimePoint deadline,
                           const std::stop_token& stop) const {
  const Status status = nccl_status(result, parts_->comm, what);
  return status.ok() ? settle(deadline, stop) : status;
}

Status Communicator::settle(TimePoint deadline, const std::stop_token& stop) const {
  for (;;) {
    ncclResult_t now = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(parts_->comm, &now);
    if (asked != ncclSuccess) return nccl_status(asked, parts_->comm, "ncclCommGetAsyncError");
    if (now != ncclInProgress) return nccl_status(now, parts_->comm, "NCCL");
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status Communicator::mark(const Window& window) const {
  return cuda_status(cudaEventRecord(window.done, stream()), "cudaEventRecord");
}

Status Communicator::wait(const Window& window, TimePoint deadline,
                          const std::stop_token& stop) const {
  for (;;) {
    const cudaError_t done = cudaEventQuery(window.done);
    if (done != cudaErrorNotReady) return cuda_status(done, "an NCCL transfer");
    if (const Status status = settle(deadline, stop); !status.ok()) return status;
    if (const Status status = may_wait(deadline, stop); !status.ok()) return status;
    std::this_thread::sleep_for(kPoll);
  }
}

Status Communicator::wait_all(TimePoint deadline, const std::stop_token& stop) const {
  Status status;
  for (const Window& used : parts_->staging->windows)
    if (status.ok()) status = wait(used, deadline, stop);
  return status;
}

}  // namespace outrigger
