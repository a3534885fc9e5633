#include <cstdlib>
#include <string>

#include <outrigger/framework/launch/nccl_environment.h>

#include "support/catch.h"

namespace outrigger {
namespace nccl_environment_test {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "(none)" : value;
}

void forget() {
  ::unsetenv("NCCL_HOSTID");
  ::unsetenv("NCCL_SOCKET_IFNAME");
}

}  // namespace nccl_environment_test
using namespace nccl_environment_test;

// Mutation: set either variable whatever it is; take loopback always.
TEST_CASE("NCCL gets a host's name for this process, and loopback for a listener on it") {
  forget();
  set_nccl_environment("paris", "10.0.0.1:0");
  CHECK(variable("NCCL_HOSTID") == "paris");
  CHECK(variable("NCCL_SOCKET_IFNAME") == "(none)");
  set_nccl_environment("tokyo", "127.0.0.1:0");
  CHECK(variable("NCCL_HOSTID") == "paris");
  CHECK(variable("NCCL_SOCKET_IFNAME") == "lo");
  ::setenv("NCCL_SOCKET_IFNAME", "eth0", 1);
  set_nccl_environment("tokyo", "127.0.0.1:0");
  CHECK(variable("NCCL_SOCKET_IFNAME") == "eth0");
  forget();
}

}  // namespace outrigger
