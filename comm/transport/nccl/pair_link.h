#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// Names a link to all of its ends; a ncclUniqueId where NCCL makes it.
using LinkId = std::array<std::byte, 128>;
enum class LinkEnd { kSender, kReceiver };

// One way from one member to another for whole messages, whose lengths and order both ends know.
// Each call blocks until its message has left (send) or is here (receive), the deadline has passed
// (DeadlineExceeded) or stop is requested (Cancelled). After a call that was not Ok the link is of
// no more use. One thread at a time. Destroying an end asks nothing of the other, whose calls then
// fail or reach their deadlines.
class PairLink {
 public:
  using Take = std::function<void(std::size_t offset, std::span<const std::byte> piece)>;

  virtual ~PairLink() = default;
  virtual Status send(std::span<const std::byte> message, TimePoint deadline,
                      const std::stop_token& stop) = 0;
  // `take` gets the message in order, in pieces that are gone when it returns.
  virtual Status receive(std::size_t bytes, const Take& take, TimePoint deadline,
                         const std::stop_token& stop) = 0;
};

}  // namespace outrigger
