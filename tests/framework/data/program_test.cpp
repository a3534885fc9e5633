#include <outrigger/framework/data/program.h>

#include <fcntl.h>
#include <unistd.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

constexpr Duration kLong = std::chrono::minutes(1);

}  // namespace

// Mutation: spawn(): the action that opens /dev/null dropped (cat then reads the terminal, or
// waits).
TEST_CASE("program: what it writes comes back, its input is empty") {
  CHECK(*run_program({"printf", "a b\nc"}, 100, kLong) == "a b\nc");
  const TemporaryFolder folder;
  const int before = ::dup(STDIN_FILENO);
  const int own_input = ::open(folder.write("input", "ours").c_str(), O_RDONLY);
  ::dup2(own_input, STDIN_FILENO);
  const auto read = run_program({"cat"}, 100, kLong);
  ::dup2(before, STDIN_FILENO);
  ::close(own_input);
  ::close(before);
  CHECK(read->empty());
  CHECK(run_program({"head", "-c", "1000000", "/dev/zero"}, 1'000'000, kLong)->size() == 1'000'000);
}

// Mutation: run_program(): the exit status ignored; read_output(): `> max_bytes` check dropped.
// Mutation: spawn(): ENOENT answered as kInternal.
TEST_CASE("program: failures say which program and why") {
  const auto missing = run_program({"outrigger-no-such-program"}, 100, kLong);
  CHECK(missing.status().code() == Code::kNotFound);
  CHECK(missing.status().message().find("outrigger-no-such-program") != std::string::npos);
  const auto failed = run_program({"sh", "-c", "exit 3"}, 100, kLong);
  CHECK(failed.status().code() == Code::kFailedPrecondition);
  CHECK(failed.status().message().find("exit status 3") != std::string::npos);
  const auto killed = run_program({"sh", "-c", "kill -9 $$"}, 100, kLong);
  CHECK(killed.status().message().find("signal 9") != std::string::npos);
  CHECK(run_program({"printf", "12345"}, 4, kLong).status().code() == Code::kFailedPrecondition);
  CHECK(run_program({"yes"}, 1000, kLong).status().code() == Code::kFailedPrecondition);
}

// Mutation: run_program(): the kill dropped (then this test never ends).
TEST_CASE("program: one that does not end is ended") {
  const auto slept = run_program({"sleep", "1000"}, 100, std::chrono::milliseconds(1));
  CHECK(slept.status().code() == Code::kDeadlineExceeded);
}
