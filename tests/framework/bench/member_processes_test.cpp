#include <outrigger/framework/bench/member_processes.h>

#include <signal.h>

#include <memory>
#include <thread>

#include "support/catch.h"

namespace outrigger {
namespace member_processes_test {

Status start(MemberProcesses& members, const std::string& name, const std::string& script) {
  return members.start(name, {"/bin/sh", "-c", script});
}

std::string next(MemberProcesses& members) {
  const auto line = members.read_line();
  throw_if_error(line.status());
  return line->value_or("(end)");
}

}  // namespace member_processes_test
using namespace member_processes_test;

// Mutation: every child gets the pipe; read_line returns all that has come.
TEST_CASE("member processes: the first one's lines are read, to the end") {
  MemberProcesses members;
  REQUIRE(start(members, "first", "echo a; echo b c").ok());
  REQUIRE(start(members, "second", "echo not this").ok());
  CHECK(next(members) == "a");
  CHECK(next(members) == "b c");
  CHECK(next(members) == "(end)");
  CHECK(members.wait().ok());
}

// Mutation: wait_once watches the output alone (the test takes for ever).
TEST_CASE("member processes: one that fails is the failure of all, also while another is read") {
  MemberProcesses members;
  REQUIRE(start(members, "first", "exec sleep 600").ok());
  REQUIRE(start(members, "second", "exit 3").ok());
  CHECK(members.read_line().status().message() == "second exited with code 3");
}

// Mutation: start() returns without wait_for_exec().
TEST_CASE("member processes: a program that is not there is refused") {
  MemberProcesses members;
  const Status status = members.start("first", {"/no/such/program"});
  CHECK(status.message() == "cannot start first: /no/such/program: No such file or directory");
}

// Mutation: the destructor without kill() (the test takes for ever), without reap().
TEST_CASE("member processes: none outlives its owner") {
  pid_t pid = 0;
  {
    MemberProcesses members;
    REQUIRE(start(members, "first", "echo $$; exec sleep 600").ok());
    pid = std::stoi(next(members));
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

// Mutation: become() without prctl (the test takes for ever); start() without wait_for_exec().
TEST_CASE("member processes: they end with the thread that started them") {
  MemberProcesses members;
  std::jthread([&] { throw_if_error(start(members, "first", "exec sleep 600")); }).join();
  CHECK(members.wait().message() == "first was killed by signal 9 (SIGKILL)");
}

}  // namespace outrigger
