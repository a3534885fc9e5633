#include <outrigger/framework/bench/meeting.h>

#include <algorithm>

#include "framework/bench/meet.h"
#include "support/catch.h"

namespace outrigger {
namespace meeting_test {

using Texts = std::vector<std::string>;

bool all_ok(const std::vector<Status>& ended) {
  return std::ranges::all_of(ended, [](const Status& status) { return status.ok(); });
}

// What two members that say these numbers of themselves are told by a host of two.
Status hello(std::size_t member, std::size_t members) {
  Result<Meeting> host = Meeting::host("127.0.0.1:0", 2);
  throw_if_error(host.status());
  const Result<Meeting> other = Meeting::join(host->address(), member, members);
  throw_if_error(other.status());
  return host->gather("x").status();
}

}  // namespace meeting_test
using namespace meeting_test;

// Mutation: the host adds its own text behind the others'; gather() of another member reads one
// line; read_lines takes a line of the first link only.
TEST_CASE("meeting: all hear what each said, in the members' order") {
  std::vector<Texts> heard(3);
  const auto ended = test::meet(3, [&](Meeting& meeting) {
    for (const char* what : {"a", "", "c d"}) {
      const auto texts = meeting.gather(std::to_string(meeting.member()) + what);
      if (!texts.ok()) return texts.status();
      heard[meeting.member()].insert(heard[meeting.member()].end(), texts->begin(), texts->end());
    }
    return Status();
  });
  CHECK(all_ok(ended));
  for (const Texts& texts : heard)
    CHECK(texts == Texts{"0a", "1a", "2a", "0", "1", "2", "0c d", "1c d", "2c d"});
}

// Mutation: kMostBytes a link instead of a member and link (a client takes all texts over one).
TEST_CASE("meeting: texts may be long") {
  const std::string large(Meeting::kMostBytes - 1, 'x');
  const auto ended = test::meet(3, [&](Meeting& meeting) {
    const auto texts = meeting.gather(large);
    if (!texts.ok()) return texts.status();
    return *texts == Texts(3, large) ? Status() : Status(Code::kInternal, "not what was said");
  });
  CHECK(all_ok(ended));
}

// Mutation: fill() returns {} when the connection has ended (the test takes for ever); peer()
// without the + 1.
TEST_CASE("meeting: a member that leaves ends it for all, by name") {
  const auto ended = test::meet(3, [&](Meeting& meeting) {
    if (const auto texts = meeting.gather("here"); !texts.ok()) return texts.status();
    return meeting.member() == 2 ? Status() : meeting.gather("still here").status();
  });
  CHECK(ended[0].code() == Code::kUnavailable);
  CHECK(ended[0].message() == "member 2: the other side has closed the connection");
  CHECK(ended[1].message().find("member 0: ") == 0);
}

// Mutation: any one of let_in()'s checks gone.
TEST_CASE("meeting: members that were told different things are refused") {
  CHECK(hello(1, 3).message() == "--of: member 1 was told of 3 members, member 0 of 2");
  CHECK(hello(0, 2).message().find("--member: there is a second member 0; give each its own") == 0);
  CHECK(hello(2, 2).message().find("--member: there is a second member 2") == 0);
}

// Mutation: resolve() takes port 0 for what is missing.
TEST_CASE("meeting: an address that is none is refused with one that would do") {
  for (const char* address : {"127.0.0.1", "", "127.0.0.1:port"}) {
    const Status status = Meeting::host(address, 2).status();
    CHECK(status.code() == Code::kInvalidArgument);
    CHECK(status.message().find("give HOST:PORT, as in 127.0.0.1:7070") != std::string::npos);
  }
}

}  // namespace outrigger
