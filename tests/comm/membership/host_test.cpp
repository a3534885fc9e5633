#include <mutex>

#include <outrigger/comm/membership/host.h>

#include "comm/membership/desk.h"
#include "support/catch.h"

using namespace outrigger;
using namespace outrigger::test;
using namespace std::chrono_literals;

namespace {

// What happened, in order: "record admitted", "message welcome", ...
struct Trace {
  void add(const std::string& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line);
  }
  std::vector<std::string> read() {
    const std::lock_guard lock(mutex);
    return lines;
  }
  std::mutex mutex;
  std::vector<std::string> lines;
};

class TracedJournal : public Journal {
 public:
  TracedJournal(Trace& trace, int good_appends) : trace_(trace), good_appends_(good_appends) {}
  Status append(const std::vector<v1::Record>& records) override {
    if (good_appends_-- <= 0) return {Code::kResourceExhausted, "coordinator.db: disk full"};
    for (const auto& record : records) {
      trace_.add(record.has_admitted() ? "record admitted"
                 : record.has_left()   ? "record left"
                                       : "record");
    }
    return {};
  }
  Result<std::vector<v1::Record>> read_all() override { return std::vector<v1::Record>{}; }

 private:
  Trace& trace_;
  int good_appends_;
};

CoordinatorHost::Port traced_port(Trace& trace) {
  return {[&trace](const v1::CoordinatorMessage& message) {
            trace.add(message.has_welcome()   ? "message welcome"
                      : message.has_goodbye() ? "message goodbye"
                      : message.has_abort()   ? "message abort"
                                              : "message");
          },
          [&trace] { trace.add("close"); }};
}

v1::MemberMessage leave_message() {
  v1::MemberMessage leave;
  leave.set_job("quick");
  leave.set_term(1);
  *leave.mutable_from() = to_wire(MemberId{0, 100, 0});
  leave.mutable_leave()->set_why("done");
  return leave;
}

}  // namespace

// Mutation: in CoordinatorHost::carry_out, append the records after the messages.
TEST_CASE("records are durable before messages leave") {
  Trace trace;
  auto host =
      CoordinatorHost::start(make_config(1), std::make_unique<TracedJournal>(trace, 100), {});
  REQUIRE(host.ok());
  const ConnectionId connection = (*host)->attach(traced_port(trace));
  v1::MemberMessage hello = Desk(make_config(1)).hello(0);
  hello.mutable_hello()->set_connection(1);
  (*host)->receive(connection, hello);
  (*host)->receive(connection, leave_message());
  CHECK((*host)->wait().ok());
  const std::vector<std::string> expected = {
      "record",      "record admitted", "record",          "message welcome",
      "record left", "record",          "message goodbye", "close"};
  CHECK(trace.read() == expected);
}

// Mutation: in CoordinatorHost::carry_out, go on after a failed append.
TEST_CASE("when the journal fails nothing of the step is said and the job ends") {
  Trace trace;
  auto host = CoordinatorHost::start(make_config(1), std::make_unique<TracedJournal>(trace, 1), {});
  REQUIRE(host.ok());
  const ConnectionId connection = (*host)->attach(traced_port(trace));
  v1::MemberMessage hello = Desk(make_config(1)).hello(0);
  hello.mutable_hello()->set_connection(1);
  (*host)->receive(connection, hello);
  const Status status = (*host)->wait();
  CHECK(status.code() == Code::kResourceExhausted);
  CHECK(status.message().find("coordinator.db: disk full") != std::string::npos);
  host = Status(Code::kCancelled, "host destroyed: its thread has ended");
  const std::vector<std::string> expected = {"record", "message abort", "close"};
  CHECK(trace.read() == expected);
}
