#include <outrigger/framework/launch/console.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace std::chrono_literals;

namespace {

StepDone step(std::uint64_t number) {
  StepDone done;
  done.step = number;
  return done;
}

// A terminal of 40 columns: what is written to `inside` can be read from `outside`.
struct Terminal {
  int outside = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  int inside = -1;
  Terminal() {
    ::setenv("TERM", "xterm", 1);
    ::grantpt(outside);
    ::unlockpt(outside);
    inside = ::open(::ptsname(outside), O_RDWR | O_NOCTTY | O_CLOEXEC);
    const winsize size = {24, 40, 0, 0};
    ::ioctl(inside, TIOCSWINSZ, &size);
  }
  ~Terminal() {
    ::close(inside);
    ::close(outside);
  }
  std::string read() const {
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(outside, bytes.data(), bytes.size());
    return {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
};

}  // namespace

// Mutation: message() does not write the line again.
TEST_CASE("on a terminal the line is rewritten in place and messages scroll above it") {
  const Terminal terminal;
  Console console(terminal.inside, Progress(9, 1));
  console.on_event("paris.0", step(1));
  console.tick();
  const std::string line = "step 1/9  loss -  - tokens/s  ETA -";
  CHECK(terminal.read() == "\r\x1b[K" + line);
  console.on_event("paris.0", Logged{"warning", "hot \x1b[2J"});
  CHECK(terminal.read() == "\r\x1b[Kparis.0: warning: hot ?[2J\r\n" + line);
  console.finish();
  CHECK(terminal.read() == "\r\n");
}

// Mutation: tick() prints a plain line each time.
TEST_CASE("elsewhere whole lines come, seldom, and the last one always") {
  const test::TemporaryFolder folder;
  const int fd = ::open(folder.path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  {
    Console console(fd, Progress(9, 1), true, 1h);
    for (std::uint64_t i = 1; i <= 3; ++i) {
      console.on_event("paris.0", step(i));
      console.tick();
    }
    console.on_event("paris.0", Evaluated{3, 2.5});
  }
  ::close(fd);
  CHECK(test::read_file(folder.path("out")) ==
        "step 1/9  loss -  - tokens/s  sent 0 B  sync -  ETA -\n"
        "paris.0: step 3: evaluation loss 2.500\n"
        "step 3/9  loss -  - tokens/s  sent 0 B  sync -  ETA " +
            test::read_file(folder.path("out"))
                .substr(test::read_file(folder.path("out")).rfind("ETA ") + 4));
}

// Mutation: write() tries again for ever when the reader has gone.
TEST_CASE("a reader that goes away ends the output only") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  ::close(ends[0]);
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  Console console(ends[1], Progress(9, 1));
  console.message("hello");
  console.message("hello");
  ::signal(SIGPIPE, before);
  CHECK(::close(ends[1]) == 0);
}

// Mutation: tick() passes over show_progress_.
TEST_CASE("without a progress line there are messages only") {
  const test::TemporaryFolder folder;
  const int fd = ::open(folder.path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  {
    Console console(fd, Progress(9, 1), false);
    console.on_event("paris.0", step(1));
    console.tick();
    console.message("hello");
  }
  ::close(fd);
  CHECK(test::read_file(folder.path("out")) == "hello\n");
}
