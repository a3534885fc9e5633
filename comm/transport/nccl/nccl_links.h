#pragma once

#include <functional>
#include <memory>
#include <string>

#include <outrigger/comm/transport/nccl/link_maker.h>

namespace outrigger {

// NotFound: this build is without CUDA, or this machine has no CUDA device; the message says what
// to do.
Status check_nccl();

// Links of NCCL's, a communicator of two each, over the calling thread's current device
// (CUDA_VISIBLE_DEVICES chooses it). A message goes through two windows of 1 MiB in the device's
// memory, and as many in pinned host memory, which the next links use again. Communicators are made
// without blocking and aborted, never finished, so calls do not wait for NCCL longer than their
// deadlines; an abort that has not come back after 5 s is left to its thread, and `warn` is told.
// Errors: Unavailable where NCCL blames the other end or the network, else Internal, with NCCL's or
// CUDA's words.
//
// What is not held to a deadline: CUDA may hold back the first use of new windows, and the end of
// the last link and of these links, until kernels under way on the device have ended.
// What stays until the process ends: ncclGetUniqueId() starts a thread of NCCL's with a listening
// socket, which goes only when both ends have connected. Every id of which one does not come leaves
// them behind: NCCL has no call that ends them.
//
// Members that share a device need an NCCL_HOSTID of their own each, and so processes of their own:
// NCCL reads it once, and refuses a device that it takes for the same one twice.
// As for check_nccl().
Result<std::shared_ptr<LinkMaker>> make_nccl_links(
    std::function<void(const std::string&)> warn = {});

}  // namespace outrigger
