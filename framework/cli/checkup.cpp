#include <outrigger/framework/cli/checkup.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>

#include <ATen/Context.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <outrigger/comm/transport/grpc.h>
#include <outrigger/framework/data/corpus.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/version.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr double kMiB = 1 << 20;
constexpr double kNeededMemory = 512 * kMiB;  // two islands of the quickstart and their coordinator
constexpr double kNeededDisk = 100 * kMiB;    // its checkpoints and logs
constexpr double kScarceDisk = 2048 * kMiB;
constexpr double kFarInFlight = 12.5e6;              // bytes: 1 Gbit/s for 100 ms
constexpr std::uint64_t kEnoughBuffer = 8ULL << 20;  // fills that with 4 connections, either way

Finding check_cpu(const Machine& machine) {
  std::string units;
  const std::pair<const char*, const char*> kUnits[] = {
      {"avx2", "AVX2"},         {"avx512f", "AVX-512"}, {"avx512_bf16", "AVX-512 bf16"},
      {"amx_bf16", "AMX bf16"}, {"asimd", "NEON"},      {"sve", "SVE"},
      {"bf16", "bf16"}};
  for (const auto& [flag, name] : kUnits) {
    if (machine.cpu.has(flag)) units += fmt::format(", {}", name);
  }
  return {"cpu", State::kOk,
          fmt::format("{} of {}{}",
                      machine.cores == 1 ? "1 core" : fmt::format("{} cores", machine.cores),
                      machine.cpu.model, units),
          ""};
}

Finding check_bf16(const Cpu& cpu) {
  if (cpu.has_bf16()) return {"bf16", State::kOk, "this CPU computes in bf16", ""};
  return {"bf16", State::kNote,
          "this CPU has no bf16 units, so train.precision=bf16 is about 10 times slower than fp32",
          "keep train.precision: fp32 on the CPU"};
}

Finding check_memory() {
  const double free = free_memory();
  const std::string found = size_text(free) + " available";
  if (free >= kNeededMemory) return {"memory", State::kOk, found, ""};
  return {
      "memory", State::kMissing, found,
      fmt::format("the quickstart takes about {}; close other programs", size_text(kNeededMemory))};
}

Finding check_gpu() {
  const char* advice = "this version trains on the CPU";
#ifdef OUTRIGGER_CUDA
  const std::size_t count = at::hasCUDA() ? at::getNumGPUs() : 0;
#else
  const std::size_t count = fs::exists("/proc/driver/nvidia/version") ? 1 : 0;
#endif
  return {"gpu", State::kNote, count > 0 ? "an NVIDIA GPU is there" : "none", advice};
}

Finding check_disk(const std::string& runs_folder) {
  std::error_code error;
  fs::path folder = fs::absolute(runs_folder, error);
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return {"disk", State::kMissing,
            fmt::format("{} cannot be written to: {}", folder.string(), std::strerror(errno)),
            "start from a folder that you may write to; runs go into runs/ there"};
  }
  const fs::space_info space = fs::space(folder, error);
  if (error)
    return {"disk", State::kMissing,
            fmt::format("{} tells no free space: {}", folder.string(), error.message()), ""};
  const auto free = static_cast<double>(space.available);
  const std::string found =
      fmt::format("{} free where runs go ({})", size_text(free), folder.string());
  if (free < kNeededDisk)
    return {"disk", State::kMissing, found,
            fmt::format("make room: a small run takes about {}", size_text(kNeededDisk))};
  if (free < kScarceDisk)
    return {"disk", State::kNote, found,
            "enough for small models; each checkpoint holds the weights and three more of their "
            "size for each island"};
  return {"disk", State::kOk, found, ""};
}

// Listens on a free port of 127.0.0.1, connects to it, and returns what failed, or "".
std::string try_loopback() {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  std::string failed;
  if (server < 0 || client < 0)
    failed = "socket";
  else if (::bind(server, generic, length) != 0)
    failed = "bind";
  else if (::listen(server, 1) != 0)
    failed = "listen";
  else if (::getsockname(server, generic, &length) != 0)
    failed = "getsockname";
  else if (::connect(client, generic, length) != 0)
    failed = "connect";
  if (!failed.empty()) failed += fmt::format(": {}", std::strerror(errno));
  if (server >= 0) ::close(server);
  if (client >= 0) ::close(client);
  return failed;
}

Finding check_loopback() {
  const std::string failed = try_loopback();
  if (failed.empty())
    return {"loopback", State::kOk, "ports on 127.0.0.1 can be opened and reached", ""};
  return {"loopback", State::kMissing, "127.0.0.1 cannot be used (" + failed + ")",
          "bring the loopback interface up: ip link set lo up"};
}

Finding check_open_files() {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string found = fmt::format("{} at once", limit.rlim_cur);
  if (limit.rlim_cur >= 256) return {"open files", State::kOk, found, ""};
  return {"open files", State::kMissing, found, "raise the limit: ulimit -n 1024"};
}

Finding check_corpus() {
  const Result<Corpus> corpus = open_corpus("kjv", default_cache_folder());
  if (corpus.ok())
    return {"corpus", State::kOk, fmt::format("kjv, the quickstart's ({})", corpus->path), ""};
  return {"corpus", State::kMissing, corpus.status().message(),
          "or name text of your own: data.corpus= data.files=[FILE]"};
}

Finding check_clock() {
  timex state = {};
  const bool synchronised = ::adjtimex(&state) != TIME_ERROR;
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  constexpr std::time_t kNewYear2024 = 1704067200;
  if (now < kNewYear2024)
    return {"clock", State::kMissing, fmt::format("says {}, which is past", text),
            "set it; a restarted island is told from its predecessor by the time"};
  if (!synchronised)
    return {"clock", State::kNote, fmt::format("{}, not kept by a time service", text),
            "fine on one machine; run a time service (chrony, say) where islands are on several"};
  return {"clock", State::kOk, fmt::format("{}, kept by a time service", text), ""};
}

std::string tcp_found(const TcpSettings& tcp, bool restarts) {
  std::vector<std::string> parts;
  const auto add_buffer = [&](const char* what, const TcpSettings::Sizes& sizes) {
    if (sizes[2] == 0) return;
    parts.push_back(
        fmt::format("{} buffers up to {}", what, size_text(static_cast<double>(sizes[2]))));
  };
  if (!tcp.congestion.empty()) parts.push_back(tcp.congestion);
  if (restarts) parts.push_back("slow start after a pause");
  add_buffer("receive", tcp.receive);
  add_buffer("send", tcp.send);
  return parts.empty() ? "how it is set is not told here"
                       : fmt::format("{}", fmt::join(parts, ", "));
}

// `needed` is of all connections of two islands together.
std::string buffer_advice(const char* what, const char* key, const TcpSettings::Sizes& sizes,
                          double needed) {
  const std::uint32_t channels = GrpcOptions{}.channels;
  if (sizes[2] == 0 || static_cast<double>(sizes[2]) * channels >= needed) return "";
  return fmt::format(
      "1 Gbit/s with a round trip of 100 ms takes larger {} buffers on {} connections "
      "(comm.channels); as root: sysctl -w net.ipv4.{}='{} {} {}'",
      what, channels, key, sizes[0], sizes[1], kEnoughBuffer);
}

}  // namespace

const char* state_word(Finding::State state) {
  switch (state) {
    case Finding::State::kOk:
      return "ok";
    case Finding::State::kNote:
      return "note";
    case Finding::State::kMissing:
      break;
  }
  return "missing";
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text +=
        fmt::format("{:<8} {:<11} {}\n", state_word(finding.state), finding.name, finding.found);
    std::istringstream lines(finding.advice);
    for (std::string line; std::getline(lines, line);)
      text += fmt::format("{:<21}-> {}\n", "", line);
  }
  return text;
}

Finding check_tcp(const TcpSettings& tcp) {
  const bool bbr = tcp.congestion.starts_with("bbr");
  const bool restarts = tcp.slow_start_after_idle && !bbr;  // the kernel asks bbr for no restart
  std::vector<std::string> advice;
  if (restarts)
    advice.push_back(
        "slow start after a pause holds up each round between islands far apart; as root: "
        "sysctl -w net.ipv4.tcp_slow_start_after_idle=0");
  // Linux offers the sender about half of a receive buffer: the rest is for the packets' headers.
  advice.push_back(buffer_advice("receive", "tcp_rmem", tcp.receive, 2 * kFarInFlight));
  advice.push_back(buffer_advice("send", "tcp_wmem", tcp.send, kFarInFlight));
  if (!bbr && !tcp.congestion.empty() && std::ranges::count(tcp.available, "bbr") > 0)
    advice.push_back(fmt::format(
        "on far links that lose packets bbr often comes back sooner than {}; to try it, as root: "
        "sysctl -w net.ipv4.tcp_congestion_control=bbr",
        tcp.congestion));
  std::erase(advice, "");
  return {"tcp", advice.empty() ? State::kOk : State::kNote, tcp_found(tcp, restarts),
          fmt::format("{}", fmt::join(advice, "\n"))};
}

std::string size_text(double bytes) {
  return bytes >= 1024 * kMiB ? fmt::format("{:.1f} GiB", bytes / (1024 * kMiB))
                              : fmt::format("{:.1f} MiB", bytes / kMiB);
}

std::vector<Finding> check_machine(const std::string& runs_folder) {
  const Machine machine = this_machine();
  return {{"outrigger", State::kOk, version_text(), ""},
          check_cpu(machine),
          check_bf16(machine.cpu),
          check_memory(),
          check_gpu(),
          check_disk(runs_folder),
          check_loopback(),
          check_tcp(read_tcp_settings("/proc/sys/net/ipv4")),
          check_open_files(),
          check_corpus(),
          check_clock()};
}

}  // namespace outrigger
