#include <outrigger/framework/bench/peers.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/temporary_folder.h"

namespace outrigger {
namespace peers_test {

// Stands in for Python: runs a shell's script.
Result<nlohmann::ordered_json> run_script(const std::string& text,
                                          const std::vector<std::string>& arguments = {}) {
  const test::TemporaryFolder folder;
  return run_peer_script("sh", folder.write("script.sh", text), arguments);
}

}  // namespace peers_test
using namespace peers_test;

// Mutation: parse all that was printed; leave the arguments out.
TEST_CASE("a peer script's last line is its result") {
  const auto json =
      run_script("echo a library says hello\necho \"{\\\"got\\\": $2}\"\n", {"--repeats", "3"});
  REQUIRE(json.ok());
  CHECK((*json)["got"] == 3);
}

// Mutation: run_peer_script without the test of ran->exit.
TEST_CASE("a peer script that fails says how") {
  const Status failed = run_script("echo '{}'\nexit 3\n").status();
  CHECK(failed.code() == Code::kInternal);
  CHECK(failed.message().find("script.sh exited with code 3") != std::string::npos);
  const Status killed = run_script("kill -9 $$\n").status();
  CHECK(killed.message().find("was killed by signal 9") != std::string::npos);
}

// Mutation: run_peer_script accepts any JSON value.
TEST_CASE("a peer script that prints no JSON object is refused") {
  for (const char* text : {"", "echo hello", "echo '[1]'", "echo '{}'; echo done"})
    CHECK(run_script(text).status().message().find("printed no JSON object") != std::string::npos);
}

// Mutation: check_peer_python returns {} if the program could be started.
TEST_CASE("a Python without torch, and none, are refused") {
  const Status none = check_peer_python("/no/such/python");
  CHECK(none.code() == Code::kInvalidArgument);
  CHECK(none.message().find("--peers: cannot run /no/such/python: No such file") == 0);
  const Status torchless = check_peer_python("false");
  CHECK(torchless.code() == Code::kInvalidArgument);
  CHECK(torchless.message().find("--peers: false has no torch") == 0);
  CHECK(check_peer_python("true").ok());
}

// Mutation: look only beside the program.
TEST_CASE("the peers' scripts are found above the built program") {
  const Result<std::string> script = find_peer_script("codec.py");
  REQUIRE(script.ok());
  CHECK(std::filesystem::exists(*script));
  CHECK(find_peer_script("no_such.py").status().code() == Code::kNotFound);
}

}  // namespace outrigger
