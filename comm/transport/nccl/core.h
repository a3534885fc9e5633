#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <outrigger/comm/transport/nccl/clerk.h>
#include <outrigger/comm/transport/nccl/link_maker.h>
#include <outrigger/comm/transport/nccl/slots.h>
#include <outrigger/comm/transport/rendezvous.h>
#include <outrigger/comm/transport/transport.h>

namespace outrigger {

struct NcclOptions {
  // How long the other end may take for what it is bound to do at once; then the link is broken.
  Duration patience = std::chrono::seconds(5);
  // Whether payloads between two members go over links; the others' go over the control transport.
  // Empty: all go over links.
  std::function<bool(MemberId one, MemberId other)> linked{};
  std::function<void(const std::string&)> warn{};  // a link broke; from any thread, empty: nowhere
};

// What the links of one NcclTransport share; lives until the last of its operations has ended.
struct NcclCore {
  // Each transfer under way is a kernel that waits for its other end, and a device runs only so
  // many streams apart (CUDA_DEVICE_MAX_CONNECTIONS, 8). A receiver therefore grants only to the
  // peers that it has a slot for, and keeps the slot until what it granted is here: every send that
  // runs has its receive running or next, and so an end, whatever waits. A peer that stands still
  // has its slot until the deadline of its message; if all slots are so taken, the others wait.
  // What the slots leave is for sums: those of the same members take turns.
  static constexpr std::uint64_t kAtOnce = 3;

  std::unique_ptr<Transport> control;
  std::shared_ptr<LinkMaker> links;
  NcclOptions options;
  Clerk clerk{};
  Slots sends{kAtOnce}, receives{kAtOnce};
  std::shared_ptr<Rendezvous> rendezvous = std::make_shared<Rendezvous>();  // follows operations

  void warn(const std::string& text) const {
    if (options.warn) options.warn(text);
  }
};

}  // namespace outrigger
