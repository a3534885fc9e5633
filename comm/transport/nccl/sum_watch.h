#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include <outrigger/comm/transport/groups.h>
#include <outrigger/comm/transport/nccl/core.h>

namespace outrigger {

// What ends one sum early at this member: its caller's stop, a member that is lost or says that it
// has given up, a later attempt. For one thread.
class SumWatch {
 public:
  SumWatch(NcclCore& core, const GroupSum& sum, std::span<const MemberId> others,
           const std::stop_token& stop);
  ~SumWatch();

  // The sum ends, too, if this message to the member does not reach it: it may have given up.
  void follow(MemberId member, const Tag& tag, const Operation& sent);

  std::stop_token token() const;  // requested by whatever ends it
  // Until the operation has ended, as it is when the sum is to end.
  Status wait(const Operation& operation) const;
  // What became of the sum, if something under the watch ended so: Cancelled because of another
  // member is that member's reason.
  Status explained(const Status& status) const;
  std::optional<MemberId> lost() const;  // the member that ended it by being lost

 private:
  struct State;

  const std::shared_ptr<State> state_;  // the operations' hooks have it as well
  std::vector<Operation> notices_;
  std::stop_callback<std::function<void()>> stopped_;
};

}  // namespace outrigger
