#pragma once

#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <outrigger/framework/bench/meeting.h>

namespace outrigger::test {

// Runs `work` for each member of a meeting on loopback, each in a thread of its own; returns how
// they ended. A member that ends leaves the meeting.
inline std::vector<Status> meet(std::size_t members,
                                const std::function<Status(Meeting& meeting)>& work) {
  std::optional<Meeting> host = Meeting::host("127.0.0.1:0", members).value_or_throw();
  const std::string address = host->address();
  std::vector<Status> ended(members);
  std::vector<std::jthread> threads;
  for (std::size_t k = 1; k < members; ++k)
    threads.emplace_back([&, k] {
      Result<Meeting> meeting = Meeting::join(address, k, members);
      ended[k] = meeting.ok() ? work(*meeting) : meeting.status();
    });
  ended[0] = work(*host);
  host.reset();
  threads.clear();
  return ended;
}

}  // namespace outrigger::test
