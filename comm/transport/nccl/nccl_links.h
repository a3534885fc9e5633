#pragma once

#include <functional>
#include <memory>
#include <string>

#include <outrigger/comm/transport/nccl/pair_link.h>

namespace outrigger {

// NotFound: this build is without CUDA, or this machine has no CUDA device; the message says what
// to do.
Status check_nccl();

// Links of NCCL's, a communicator of two each, over the calling thread's current device
// (CUDA_VISIBLE_DEVICES chooses it). A message goes through a window of two pieces in the device's
// memory, and as many in pinned host memory. Communicators are made without blocking and aborted,
// never finished, so nothing waits for a peer longer than its deadline; an abort that itself does
// not come back is left to its thread, and `warn` is told. Errors: Unavailable where NCCL blames
// the other end or the network, else Internal, with NCCL's or CUDA's words.
//
// Members that share a device need an NCCL_HOSTID of their own each, and so processes of their own:
// NCCL reads it once, and refuses a device that it takes for the same one twice.
// As for check_nccl().
Result<std::shared_ptr<PairLinks>> make_nccl_links(
    std::function<void(const std::string&)> warn = {});

}  // namespace outrigger
