#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>
#include <outrigger/framework/recipe/keys.h>
#include <outrigger/framework/version.h>
#include <sys/wait.h>
#include <nlohmann/json.hpp>

#include "support/catch.h"

using namespace outrigger;

namespace {

struct Ended {
  int code = -1;
  std::string out, err;
};

// The folder of one test case, gone at its end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "outrigger-cli-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Runs a shell's script in a folder of its own; $O is the built program.
Ended shell(const std::string& script) {
  const Folder folder;
  const std::string line = fmt::format("cd '{}' && O='{}' && {{ {}\n}} >out 2>err", folder.path(),
                                       OUTRIGGER_PROGRAM, script);
  const int status = std::system(line.c_str());
  Ended ended{WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.read("out"), folder.read("err")};
  CHECK(!std::filesystem::exists(folder.path() + "/runs"));
  return ended;
}

Ended outrigger_cli(const std::string& arguments) {
  return shell("\"$O\" " + arguments);
}

const std::string kQuickstart = OUTRIGGER_SOURCE_DIR "/recipes/quickstart.yaml";

}  // namespace

// Mutation: return 0 for a usage error.
TEST_CASE("cli: a wrong command line ends with 2 and one line that names what was meant") {
  const auto refused = [](const std::string& rest) {
    const Ended ended = outrigger_cli(rest);
    INFO(rest << ": " << ended.err);
    CHECK(ended.code == 2);
    CHECK(ended.out.empty());
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    return ended.err;
  };
  CHECK(
      refused("docter") ==
      "outrigger: there is no command `docter`; did you mean `doctor`?; see `outrigger --help`\n");
  CHECK(refused("recipe shwo x").find("did you mean `show`?") != std::string::npos);
  CHECK(refused("recipe show --jsn x")
            .find("outrigger recipe show: there is no option `--jsn`; did you mean `--json`?") !=
        std::string::npos);
  CHECK(refused("") == "outrigger: a command is missing; see `outrigger --help`\n");
  CHECK(refused("recipe").find("outrigger recipe: a command is missing") != std::string::npos);
  CHECK(refused("recipe show").find("RECIPE is required") != std::string::npos);
  CHECK(refused("recipe keys extra").find("extra") != std::string::npos);
  CHECK(refused("--versoin").find("did you mean `--version`?") != std::string::npos);
}

// Mutation: print help to stderr; let a command inherit the footer.
TEST_CASE("cli: every command has help with what it is for") {
  const auto help = [](const std::string& command) {
    const Ended ended = outrigger_cli(command + " --help");
    INFO(command);
    CHECK(ended.code == 0);
    CHECK(ended.err.empty());
    CHECK(ended.out.find("Usage: outrigger") != std::string::npos);
    return ended.out;
  };
  CHECK(help("").find("outrigger train recipes/quickstart.yaml") != std::string::npos);
  CHECK(help("recipe").find("Exit codes") == std::string::npos);
  CHECK(help("recipe show").find("Example: ") != std::string::npos);
  CHECK(help("recipe keys").find("--json") != std::string::npos);
  CHECK(help("doctor").find("--json") != std::string::npos);
  CHECK(help("bench codec").find("--peers") != std::string::npos);
  CHECK(help("bench collective").find("--member 0 --of 2 --listen HOST0:0") != std::string::npos);
}

// Mutation: print kVersion alone.
TEST_CASE("cli: the version names the commit and the build") {
  const Ended ended = outrigger_cli("--version");
  CHECK(ended.code == 0);
  CHECK(ended.out == version_text() + "\n");
}

// Mutation: exit with 1 when a recipe is wrong.
TEST_CASE(
    "cli: a mistyped key on the command line ends with 2, names it, and suggests the right one") {
  const Ended ended = outrigger_cli("recipe show " + kQuickstart + " sync.evry=20");
  CHECK(ended.code == 2);
  CHECK(ended.out.empty());
  CHECK(ended.err ==
        "command line: sync.evry: is no key of a recipe; did you mean `sync.every`?\n");
}

// Mutation: print the first error only.
TEST_CASE("cli: a recipe with three mistakes reports all three") {
  const Folder folder;
  const std::string path = folder.write(
      "r.yaml", "data: {corpus: kjv}\nsync: {evry: 1}\ntrain: {steps: no}\nbatch_size: 3\n");
  const Ended ended = outrigger_cli("recipe show " + path);
  CHECK(ended.code == 2);
  CHECK(ended.err == path + ":2: sync.evry: is no key of a recipe; did you mean `sync.every`?\n" +
                         path + ":3: train.steps: is no, but must be an integer of at least 1\n" +
                         path +
                         ":4: batch_size: is another system's name; here it is `train.batch`: it "
                         "counts the sequences of all islands together\n");
}

// Mutation: leave the overrides out of load_recipe's arguments; print warnings to stdout.
TEST_CASE("cli: recipe show prints what loads back, warnings apart") {
  const Ended shown = outrigger_cli(
      "recipe show " + kQuickstart +
      " sync.every=7 comm.topology=gather sync.result_codec=bf16 'sample.prompt=a=b'");
  CHECK(shown.code == 0);
  CHECK(shown.out.find("every: 7 ") != std::string::npos);
  CHECK(shown.err.starts_with("warning: command line: sync.result_codec: has no effect"));
  const Folder folder;
  const Ended again = outrigger_cli("recipe show --json " + folder.write("r.yaml", shown.out));
  CHECK(again.code == 0);
  const auto json = nlohmann::json::parse(again.out);
  CHECK(json["recipe"]["sample"]["prompt"] == "a=b");
  CHECK(json["recipe"]["sync"]["every"] == 7);
}

// Mutation: leave --json out of keys.
TEST_CASE("cli: recipe keys lists every key") {
  CHECK(outrigger_cli("recipe keys").out.find("\nsync.every\n") != std::string::npos);
  CHECK(nlohmann::json::parse(outrigger_cli("recipe keys --json").out).size() ==
        recipe_keys().size());
}

// Mutation: leave SIGPIPE at its default; return without a word when the write fails.
TEST_CASE("cli: a reader that goes away is no error, a full disk is one") {
  // A fifo with nobody at its other end.
  const Ended piped = shell("mkfifo p; exec 4<>p 3>p 4<&-; \"$O\" recipe keys >&3");
  CHECK(piped.code == 0);
  CHECK(piped.err.empty());
  const Ended full = outrigger_cli("recipe keys >/dev/full");
  CHECK(full.code == 1);
  CHECK(full.err.find("No space left on device") != std::string::npos);
}

// Mutation: exit with 0 whatever is missing; leave out check_tcp.
TEST_CASE("cli: doctor says what there is, and ends with 3 when something needed is missing") {
  const Ended ended = outrigger_cli("doctor --json");
  const auto findings = nlohmann::json::parse(ended.out);
  CHECK(findings.size() >= 9);
  bool missing = false, tcp = false;
  for (const auto& finding : findings) {
    tcp |= finding["name"] == "tcp";
    missing |= finding["state"] == "missing";
    CHECK(!finding["found"].get<std::string>().empty());
  }
  CHECK(tcp);
  CHECK(ended.code == (missing ? 3 : 0));
  const Ended limited = shell("ulimit -n 64; \"$O\" doctor");
  CHECK(limited.code == 3);
  CHECK(limited.out.find("raise the limit: ulimit -n 1024") != std::string::npos);
}

// Mutation: exit with exit_code_of_command (then 2 for no job); leave out needs(peers).
TEST_CASE("cli: doctor --peers tells a wrong address from a job that is not there") {
  const auto refused = [](const std::string& rest, int code) {
    const Ended ended = outrigger_cli("doctor " + rest);
    INFO(rest << ": " << ended.err);
    CHECK(ended.code == code);
    CHECK(ended.out.empty());
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    return ended.err;
  };
  CHECK(refused("--peers 127.0.0.1:1", 3).find("no coordinator answers at 127.0.0.1:1") !=
        std::string::npos);
  CHECK(refused("--peers nowhere", 2).find("'nowhere' is no address") != std::string::npos);
  CHECK(refused("--peers 192.0.2.1:7077", 2).find("say --insecure") != std::string::npos);
  CHECK(refused("--peers", 3).find("no job of runs is running: no run is noted there") !=
        std::string::npos);
  CHECK(refused("--runs x", 2).find("--runs requires --peers") != std::string::npos);
}

// Mutation: bench_codec ignores --json; it exits with 3 for a codec that does not exist.
TEST_CASE("cli: bench codec prints its figures as JSON and as a table, and refuses what is wrong") {
  const std::string tiny = "bench codec --elements 8192 --repeats 1 --codec int8";
  const Ended json = outrigger_cli(tiny + " --codec bf16 --json");
  CHECK(json.code == 0);
  CHECK(json.err.empty());
  const auto report = nlohmann::json::parse(json.out);
  CHECK(report["machine"]["elements"] == 8192);
  CHECK(report["codecs"].size() == 2);
  CHECK(report["codecs"][0]["encode"]["fp32_bytes_per_s"]["median"] > 0);
  CHECK(outrigger_cli(tiny).out.find("\nint8 ") != std::string::npos);
  const Ended unknown = outrigger_cli("bench codec --codec int9");
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("--codec: there is no codec 'int9'; choose one of fp32, ") == 0);
  CHECK(outrigger_cli("bench codec --repeats 0").code == 2);
  CHECK(outrigger_cli("bench codec --elements -1").code == 2);
  CHECK(outrigger_cli("bench").err.find("outrigger bench: a command is missing") == 0);
}

// Mutation: measure() asks check_peer_python after run_codec_bench (the run takes too long), or
// leaves add_codec_peers out.
TEST_CASE("cli: bench codec has peers measured by the Python that it is given") {
  const std::string bench = "\"$O\" bench codec --elements 8192 --repeats 1 --codec int8 --json ";
  const Ended wrong = shell("\"$O\" bench codec --peers false");
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("--peers: false has no torch") == 0);
  const std::string python =
      "cat >python <<'EOF'\n"
      "#!/bin/sh\n"
      "[ \"$1\" = -c ] && exit 0\n"
      "echo \"$@\" >>arguments\n"
      "echo '{\"libraries\": {\"torch\": \"0\"}, \"records\": [{\"peer\": \"x\", \"codec\": "
      "\"int8\", \"pass\": \"decode\", \"fp32_bytes_per_s\": {\"median\": 1, \"min\": 1, \"max\": "
      "1}}]}'\n"
      "EOF\n"
      "chmod +x python; ";
  const Ended ended = shell(python + bench + "--peers ./python; cat arguments >&2");
  const auto record = nlohmann::json::parse(ended.out)["peers"]["records"][0];
  CHECK(record["ours_over_theirs"] > 1);
  CHECK(ended.err.find("tools/peers/codec.py --elements 8192 --repeats 1 --threads 1\n") !=
        std::string::npos);
}

// Mutation: bench_collective measures before check_collective_bench; --of without needs(); a member
// takes a number that there is not.
TEST_CASE("cli: bench collective refuses what is wrong before it starts a process") {
  const auto refused = [](const std::string& rest) {
    const Ended ended = outrigger_cli("bench collective " + rest);
    INFO(rest << ": " << ended.err);
    CHECK(ended.code == 2);
    CHECK(ended.out.empty());
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    return ended.err;
  };
  CHECK(refused("--members 1") == "--members: 1 is out of range; give 2 to 64\n");
  CHECK(refused("--collectives gossip").find("--collectives: gossip's members end") == 0);
  CHECK(refused("--collectives all_reduce").find("give --transport nccl") != std::string::npos);
  CHECK(refused("--peers false").find("--peers: false has no torch") == 0);
  CHECK(refused("--member 1").find("--member requires ") != std::string::npos);
  CHECK(refused("--member 2 --of 2 --meet 127.0.0.1:0") ==
        "--member: 2 is out of range; give 0 to 1\n");
  CHECK(refused("--member 0 --of 2 --meet 10.0.0.1:0").find("say --insecure") != std::string::npos);
}

// Mutation: in lacks_device, take exit_code_of_command; look for the device when all is measured.
TEST_CASE("cli: bench collective over nccl tells a machine without a device from a wrong command") {
  const Status lacks = check_nccl();
  if (lacks.ok()) return;  // a machine that has one
  for (const char* rest : {"", " --member 1 --of 2 --meet 127.0.0.1:9"}) {
    const Ended ended = outrigger_cli(std::string("bench collective --transport nccl") + rest);
    CHECK(ended.code == 3);
    CHECK(ended.out.empty());
    CHECK(ended.err == lacks.message() + "\n");
  }
}

// Mutation: the peers' sizes are the defaults; the second script is left out.
TEST_CASE("cli: bench collective has peers measured at the same sizes") {
  const std::string python =
      "cat >python <<'EOF'\n"
      "#!/bin/sh\n"
      "[ \"$1\" = -c ] && exit 0\n"
      "echo \"$@\" >>arguments\n"
      "echo '{\"libraries\": {\"x\": \"1\"}, \"records\": [{\"peer\": \"x\", \"codec\": "
      "\"fp32\", \"members\": 2, \"mb\": 0.5, \"fp32_bytes_per_s\": {\"median\": 1, \"min\": 1, "
      "\"max\": 1}}]}'\n"
      "EOF\n"
      "chmod +x python; ";
  const Ended ended =
      shell(python +
            "\"$O\" bench collective --members 2 --mb 0.5 --codecs int8 --payload-mb 0 "
            "--repeat 1 --json --peers ./python; cat arguments >&2");
  const auto report = nlohmann::json::parse(ended.out);
  CHECK(report["payload"].empty());
  CHECK(report["rows"][0]["over_best_peer"] > 1);
  CHECK(report["peers"]["records"].size() == 2);
  CHECK(ended.err.find("all_reduce_gloo.py --members 2 --mb 0.5 --repeats 1\n") !=
        std::string::npos);
  CHECK(ended.err.find("all_reduce_pccl.py --members 2 --mb 0.5 --repeats 1\n") !=
        std::string::npos);
}
