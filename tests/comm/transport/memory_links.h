#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include <outrigger/comm/transport/nccl/link_maker.h>

namespace outrigger::test {

// Links between threads of one process, in memory, for NcclTransport without a device. What is put
// on a link waits there, a few pieces of it, until the other end takes it. One object serves all
// members.
class MemoryLinks : public LinkMaker {
 public:
  static constexpr std::size_t kPieceBytes = 1 << 16;

  MemoryLinks();
  ~MemoryLinks() override;
  Result<LinkId> make_id() override;
  Result<std::unique_ptr<PairLink>> connect(const LinkId& id, LinkEnd end, TimePoint deadline,
                                            const std::stop_token& stop) override;
  // Its sums are in the order of the places.
  Result<std::unique_ptr<GroupLink>> connect_group(const LinkId& id, std::size_t place,
                                                   std::size_t members, TimePoint deadline,
                                                   const std::stop_token& stop) override;

  // As a device's or a network's failures: the next calls of this end fail, as Internal; or each
  // waits until it is stopped or its deadline passes.
  void fail_next(LinkEnd end, std::size_t calls = 1);
  void stall(LinkEnd end, bool on);
  void fail_next_sum();  // of whichever member comes first, once it is connected
  void stall_sums(bool on);
  void fail_ids(std::size_t calls);  // the next calls of make_id
  void alter_next_message();         // one bit of it, on its way

  std::size_t made() const;       // ids so far
  std::size_t connects() const;   // calls of connect(), ever
  std::size_t under_way() const;  // calls of receivers at this moment, waiting or not
  std::size_t most_under_way() const;
  std::size_t sums_under_way() const;  // calls of members at this moment, waiting or not

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace outrigger::test
