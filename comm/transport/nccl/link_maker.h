#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>

#include <outrigger/comm/clock.h>
#include <outrigger/comm/status.h>
#include <outrigger/comm/transport/nccl/group_link.h>
#include <outrigger/comm/transport/nccl/pair_link.h>

namespace outrigger {

// Makes links. Thread-safe.
class LinkMaker {
 public:
  virtual ~LinkMaker() = default;
  // For a link that is to be; one of its members asks for it and tells the others.
  virtual Result<LinkId> make_id() = 0;
  // Blocks until all ends are there; ends like a link's calls.
  virtual Result<std::unique_ptr<PairLink>> connect(const LinkId& id, LinkEnd end,
                                                    TimePoint deadline,
                                                    const std::stop_token& stop) = 0;
  // Each member gives its own place, from 0 on.
  virtual Result<std::unique_ptr<GroupLink>> connect_group(const LinkId& id, std::size_t place,
                                                           std::size_t members, TimePoint deadline,
                                                           const std::stop_token& stop) = 0;
};

}  // namespace outrigger
