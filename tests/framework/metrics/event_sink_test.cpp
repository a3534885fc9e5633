#include <outrigger/framework/metrics/event_sink.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <future>
#include <vector>

#include <outrigger/framework/metrics/line_splitter.h>
#include "support/catch.h"

using namespace outrigger;
using namespace std::chrono_literals;

namespace {

// What the supervisor would hold, and the child's end.
struct Channel {
  int ours = -1, theirs = -1;
  Channel() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours = ends[0];
    theirs = ends[1];
  }
  ~Channel() { close(); }
  void close() {
    if (ours >= 0) ::close(ours);
    ours = -1;
  }
  // All events there are now, or up to the end of the stream.
  std::vector<Event> read(int flags) {
    std::vector<Event> events;
    LineSplitter lines(1 << 20);
    std::array<char, 65536> bytes{};
    for (ssize_t got; (got = ::recv(ours, bytes.data(), bytes.size(), flags)) > 0;)
      lines.feed({bytes.data(), static_cast<std::size_t>(got)}, [&](std::string_view line) {
        auto event = parse_event(line);
        REQUIRE(event.ok());
        events.push_back(*event);
      });
    return events;
  }
};

}  // namespace

// Mutation: send() leaves the sending to the thread.
TEST_CASE("an event has left the process when send returns") {
  Channel channel;
  EventSink sink(channel.theirs);
  CHECK(sink.supervised());
  for (int i = 0; i < 300; ++i) {
    sink.send(Joined{std::to_string(i)});
    const auto events = channel.read(MSG_DONTWAIT);
    REQUIRE(events.size() == 1);
    REQUIRE(std::get<Joined>(events[0]).island == std::to_string(i));
  }
}

// Mutation: droppable() is always true (the failure is lost), or always false (no gap is reported).
TEST_CASE("a supervisor that does not read neither blocks nor loses what matters") {
  Channel channel;
  auto sink = std::make_unique<EventSink>(channel.theirs);
  StepDone step;
  for (step.step = 1; step.step <= 30'000; ++step.step) sink->send(step);
  sink->send(Failed{Code::kInternal, "the end", ""});
  const auto ended = std::async(std::launch::async, [&] { sink.reset(); });
  const auto events = channel.read(0);
  std::uint64_t steps = 0, failures = 0, gaps = 0;
  for (const Event& event : events) {
    if (const auto* done = std::get_if<StepDone>(&event)) CHECK(done->step == ++steps);
    failures += std::holds_alternative<Failed>(event);
    gaps += std::holds_alternative<Logged>(event);
  }
  CHECK(steps > 1000);
  CHECK(steps < 30'000);
  CHECK(failures == 1);
  CHECK(gaps == 1);
}

// Mutation: read() takes 0 bytes for nothing to read.
TEST_CASE("the end of the channel calls back, however early or late it is asked for") {
  for (const bool early : {true, false}) {
    Channel channel;
    EventSink sink(channel.theirs);
    std::promise<void> gone;
    if (!early) channel.close();
    sink.on_supervisor_gone([&] { gone.set_value(); });
    if (early) channel.close();
    CHECK(gone.get_future().wait_for(30s) == std::future_status::ready);
  }
}

// Mutation: flush() sends without MSG_NOSIGNAL.
TEST_CASE("sending to a supervisor that is gone does no harm") {
  Channel channel;
  EventSink sink(channel.theirs);
  channel.close();
  for (int i = 0; i < 3; ++i) sink.send(Joined{"paris"});
  CHECK(sink.supervised());
}

// Mutation: end_process_if_late() returns at once (the child then ends with 7).
TEST_CASE("a process that does not end after its supervisor has died is ended") {
  Channel channel;
  const pid_t child = ::fork();
  if (child == 0) {
    channel.close();
    EventSink sink(channel.theirs);
    sink.on_supervisor_gone([] {}, 1ms);
    ::sleep(20);
    ::_exit(7);
  }
  ::close(channel.theirs);
  channel.close();
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 1));
}

// Mutation: from_environment() leaves the variable, or the descriptor inheritable.
TEST_CASE("the channel is taken over from the environment once") {
  Channel channel;
  ::fcntl(channel.theirs, F_SETFD, 0);
  ::setenv(EventSink::kEnvironment, std::to_string(channel.theirs).c_str(), 1);
  const auto sink = EventSink::from_environment();
  CHECK(sink->supervised());
  CHECK(::fcntl(channel.theirs, F_GETFD) == FD_CLOEXEC);
  CHECK(!EventSink::from_environment()->supervised());
}

// Mutation: socket_from_environment() does without S_ISSOCK.
TEST_CASE("a variable that names no socket means no supervisor") {
  const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const std::string& text : {std::string("x"), std::string(""), std::string("-1"),
                                  std::string("99999999999"), std::to_string(file)}) {
    ::setenv(EventSink::kEnvironment, text.c_str(), 1);
    CAPTURE(text);
    CHECK(!EventSink::from_environment()->supervised());
  }
  ::close(file);
}
