#include <mutex>
#include <thread>

#include <outrigger/comm/membership/host.h>

#include "comm/membership/blocking_journal.h"
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

v1::MemberMessage from_island(std::uint32_t island) {
  v1::MemberMessage message;
  message.set_job("quick");
  message.set_term(1);
  *message.mutable_from() = to_wire(MemberId{island, 100 + island, 0});
  return message;
}

v1::MemberMessage heartbeat_message(std::uint32_t island) {
  v1::MemberMessage heartbeat = from_island(island);
  heartbeat.mutable_heartbeat();
  return heartbeat;
}

v1::MemberMessage leave_message(std::uint32_t island = 0) {
  v1::MemberMessage leave = from_island(island);
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

// Mutation: in Coordinator::handle, call tick() after every event.
// Mutation: in CoordinatorHost::run, tick when the time has come, whatever waits in the queue.
TEST_CASE("a member whose heartbeats lie in the queue while the journal blocks is not silent") {
  CoordinatorConfig config = make_config(2);
  config.timeout_min = 200ms;
  JournalGate gate;
  Trace trace;
  auto host = CoordinatorHost::start(config, std::make_unique<BlockingJournal>(gate), {});
  REQUIRE(host.ok());
  ConnectionId connections[2];
  for (const std::uint32_t island : {0u, 1u}) {
    connections[island] = (*host)->attach(traced_port(trace));
    v1::MemberMessage hello = Desk(config).hello(island);
    hello.mutable_hello()->set_connection(1);
    (*host)->receive(connections[island], hello);
  }
  gate.allow(2);  // the term's start, and the first island's admission
  gate.wait_for_begin(3);
  std::this_thread::sleep_for(2 * config.timeout_min);
  for (const std::uint32_t island : {1u, 0u})
    (*host)->receive(connections[island], heartbeat_message(island));
  for (const std::uint32_t island : {1u, 0u})
    (*host)->receive(connections[island], leave_message(island));
  gate.allow(1000);
  CHECK((*host)->wait().to_string() == "ok");
}
