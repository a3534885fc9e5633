#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <nccl.h>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>
#include <outrigger/comm/transport/nccl/pair_link.h>
#include <outrigger/comm/transport/nccl/staging.h>

namespace outrigger {

// Unavailable where NCCL blames another member or the network, else Internal; both with NCCL's
// words. Ok also for what is under way.
Status nccl_status(ncclResult_t result, ncclComm_t comm, const char* what);

// A communicator of NCCL's with the device memory and the stream that it works with: what all links
// over NCCL have in common. Whatever waits here ends with its deadline (DeadlineExceeded) and once
// stop is requested (Cancelled). One thread at a time.
class Communicator {
 public:
  using Warn = std::function<void(const std::string&)>;
  using Window = Staging::Window;

  Communicator(std::shared_ptr<StagingPool> pool, Warn warn);
  // Aborts it, under a watchdog; `warn` is told of an abort that does not come back in time.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  // Blocks until all ranks are there. REQUIRES: called once, before all that follows.
  Status connect(const LinkId& id, std::size_t rank, std::size_t ranks, TimePoint deadline,
                 const std::stop_token& stop);

  // To be called by whoever uses the stream from a thread that may be another than before.
  Status use_device() const;
  ncclComm_t comm() const;
  cudaStream_t stream() const;
  // Of piece `piece`: the windows take turns.
  const Window& window(std::size_t piece) const;

  // Puts bytes of the window on the stream, to the device and back.
  Status queue_to_device(const Window& window, std::size_t bytes) const;
  Status queue_to_host(const Window& window, std::size_t bytes) const;
  // What `result` says of a call of NCCL's; then waits until what was asked is under way.
  Status begun(ncclResult_t result, const char* what, TimePoint deadline,
               const std::stop_token& stop) const;
  // What the stream has so far is the window's work; wait() waits until that is done.
  Status mark(const Window& window) const;
  Status wait(const Window& window, TimePoint deadline, const std::stop_token& stop) const;
  Status wait_all(TimePoint deadline, const std::stop_token& stop) const;  // of all windows

 private:
  struct Parts;

  Status settle(TimePoint deadline, const std::stop_token& stop) const;

  const Warn warn_;
  const std::shared_ptr<Parts> parts_;
};

}  // namespace outrigger
