#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <outrigger/comm/transport/groups.h>
#include <outrigger/comm/transport/nccl/core.h>

namespace outrigger {

// Sums over links of all their members. A link is kept for the next sum of the same members
// (incarnations and all), and is given up after the failure of a sum that goes over it, at any of
// them, or when others come to sum; the next sum makes a new one. Members that overlap with others
// and sum at once have a device's queue each: a third such group may wait until its deadline.
//
// The lowest member leads. Each other one tells it over the control transport that it is there, and
// of which link it has its end; when all are, with equally many values, the leader takes that link,
// if it is one, or makes an id, and tells all: so no device waits for a member that does not come,
// unless that member's deadline has just passed, and the sums of a link have one order though
// several rounds are under way. That is a round-trip a sum. Whoever fails tells all others, and a
// member that the control transport loses ends a sum at once; only who waited for the leader until
// its deadline says nothing: the leader is to name who did not come.
class NcclGroups : public Groups {
 public:
  explicit NcclGroups(std::shared_ptr<NcclCore> core) : core_(std::move(core)) {}
  ~NcclGroups() override;
  Status all_reduce(const GroupSum& sum, std::span<float> values, TimePoint deadline,
                    std::stop_token stop, std::optional<MemberId>& failed_peer) override;

  struct Group;

 private:
  using Members = std::vector<MemberId>;
  std::shared_ptr<Group> find(const Members& members);

  const std::shared_ptr<NcclCore> core_;
  std::mutex mutex_;
  std::map<Members, std::shared_ptr<Group>> groups_;
};

}  // namespace outrigger
