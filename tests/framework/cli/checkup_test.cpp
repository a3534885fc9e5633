#include <outrigger/framework/cli/checkup.h>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;

namespace outrigger::checkup_test {

// Linux's own settings, without slow start after a pause.
TcpSettings good_tcp() {
  return {.congestion = "cubic",
          .available = {"reno", "cubic"},
          .slow_start_after_idle = false,
          .receive = {4096, 131072, 6291456},
          .send = {4096, 16384, 4194304}};
}

}  // namespace outrigger::checkup_test
using namespace outrigger::checkup_test;

// Mutation: divide by 1000.
TEST_CASE("doctor tells sizes in binary units") {
  CHECK(size_text(0) == "0.0 MiB");
  CHECK(size_text(1.5 * 1024 * 1024) == "1.5 MiB");
  CHECK(size_text(3.0 * 1024 * 1024 * 1024) == "3.0 GiB");
}

// Mutation: look at the folder itself instead of its nearest parent that exists.
TEST_CASE("doctor looks for room where the run folders would go") {
  const auto disk = [](const std::string& folder) {
    for (const Finding& finding : check_machine(folder)) {
      if (finding.name == "disk") return finding;
    }
    return Finding{};
  };
  CHECK(disk("/tmp/not/there/yet").found.find("free where runs go (/tmp)") != std::string::npos);
  CHECK(disk("/proc/1/nowhere").state == Finding::State::kMissing);
}

// Mutation: read tcp_rmem for both buffers; keep the numbers of a file that has two.
TEST_CASE("doctor reads the kernel's TCP settings, and bears it when it has none") {
  const test::TemporaryFolder folder;
  const TcpSettings none = read_tcp_settings(folder.path("not-there"));
  CHECK(none.congestion.empty());
  CHECK(none.available.empty());
  CHECK(!none.slow_start_after_idle);
  CHECK(none.receive == TcpSettings::Sizes{});

  folder.write("tcp_congestion_control", "cubic\n");
  folder.write("tcp_available_congestion_control", "reno bbr cubic\n");
  folder.write("tcp_slow_start_after_idle", "1\n");
  folder.write("tcp_rmem", "4096\t131072\t6291456\n");
  folder.write("tcp_wmem", "4096\t16384\t4194304\n");
  const TcpSettings tcp = read_tcp_settings(folder.path());
  CHECK(tcp.congestion == "cubic");
  CHECK(tcp.available == std::vector<std::string>{"reno", "bbr", "cubic"});
  CHECK(tcp.slow_start_after_idle);
  CHECK(tcp.receive == TcpSettings::Sizes{4096, 131072, 6291456});
  CHECK(tcp.send == TcpSettings::Sizes{4096, 16384, 4194304});

  folder.write("tcp_slow_start_after_idle", "0\n");
  folder.write("tcp_wmem", "4096\t16384\n");
  CHECK(!read_tcp_settings(folder.path()).slow_start_after_idle);
  CHECK(read_tcp_settings(folder.path()).send == TcpSettings::Sizes{});
}

// Mutation: ask 25 MB of send buffers, too; forget that bbr does not restart.
TEST_CASE("doctor has nothing to say of TCP settings that do, or that it is not told") {
  TcpSettings bbr = good_tcp();
  bbr.congestion = "bbr";
  bbr.available = {"reno", "bbr", "cubic"};
  bbr.slow_start_after_idle = true;
  TcpSettings just = good_tcp();
  just.receive[2] = 6250000;
  just.send[2] = 3125000;
  for (const TcpSettings& tcp : {TcpSettings{}, good_tcp(), bbr, just}) {
    const Finding finding = check_tcp(tcp);
    CHECK(finding.state == Finding::State::kOk);
    CHECK(finding.advice.empty());
  }
  CHECK(check_tcp(good_tcp()).found ==
        "cubic, receive buffers up to 6.0 MiB, send buffers up to 4.0 MiB");
  CHECK(check_tcp({}).found == "how it is set is not told here");
}

// Mutation: call it kMissing; name bbr only where it is the current one; compare one connection's
// buffer with what all need.
TEST_CASE("doctor says which TCP setting slows islands far apart, and how to change it") {
  const auto advice = [](const auto& change) {
    TcpSettings tcp = good_tcp();
    change(tcp);
    const Finding finding = check_tcp(tcp);
    CHECK(finding.state == Finding::State::kNote);
    CHECK(finding.advice.find('\n') == std::string::npos);
    return finding.advice;
  };
  const auto ends = [](const std::string& text, const std::string& command) {
    INFO(text);
    CHECK(text.ends_with("as root: sysctl -w net.ipv4." + command));
  };
  ends(advice([](TcpSettings& tcp) { tcp.slow_start_after_idle = true; }),
       "tcp_slow_start_after_idle=0");
  ends(advice([](TcpSettings& tcp) { tcp.receive[2] = 6249999; }),
       "tcp_rmem='4096 131072 8388608'");
  ends(advice([](TcpSettings& tcp) { tcp.send[2] = 3124999; }), "tcp_wmem='4096 16384 8388608'");
  ends(advice([](TcpSettings& tcp) { tcp.available.push_back("bbr"); }),
       "tcp_congestion_control=bbr");
}

// Mutation: print the advice as it is behind one arrow.
TEST_CASE("doctor prints a row for each finding, and its advice a line each") {
  const std::vector<Finding> findings = {{"a", Finding::State::kOk, "fine", ""},
                                         {"b", Finding::State::kNote, "so so", "do this\ndo that"}};
  CHECK(findings_text(findings) ==
        "ok       a           fine\n"
        "note     b           so so\n"
        "                     -> do this\n"
        "                     -> do that\n");
}
