#pragma once

#include <memory>
#include <string>
#include <vector>

#include <outrigger/framework/bench/socket.h>

namespace outrigger {

// Where the members of one measurement, processes on one or more machines, tell each other
// addresses and figures. Member 0 is the hub: what each says passes through it to all. A member
// that goes away ends the meeting, with Unavailable that names it. For one thread.
class Meeting {
 public:
  // Member 0: listens; port 0 takes a free one, which address() then tells.
  static Result<Meeting> host(const std::string& address, std::size_t members);
  // Any other member, 1 to members - 1: finds the host, for which it waits up to `patience`.
  static Result<Meeting> join(const std::string& address, std::size_t member, std::size_t members,
                              Duration patience = Socket::kPatience);

  std::string address() const { return listener_ ? listener_->address() : std::string(); }
  std::size_t member() const { return member_; }
  std::size_t members() const { return members_; }

  // Returns what each member said, in their order, once all have called. `text` is one line
  // without its end, of at most kMostBytes.
  Result<std::vector<std::string>> gather(const std::string& text);

  static constexpr std::size_t kMostBytes = 1 << 20;

 private:
  struct Link {
    std::unique_ptr<Socket> socket;
    std::string ahead;  // received, and not yet asked for
  };

  Meeting(std::size_t member, std::size_t members) : member_(member), members_(members) {}
  Status let_all_in();
  Status let_in(Socket socket);
  // Returns the next line of each of the links, which are read as they are ready.
  Result<std::vector<std::string>> read_lines();
  Status fill(std::size_t link);
  std::string peer(std::size_t link) const;

  std::size_t member_, members_;
  std::unique_ptr<Socket> listener_;  // of the host
  std::vector<Link> links_;           // the host: to members 1, 2, ...; others: to the host
};

}  // namespace outrigger
