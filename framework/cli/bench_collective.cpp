#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/collective_report.h>
#include <outrigger/framework/bench/peers.h>
#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/launch/nccl_environment.h>

namespace outrigger {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPeerScripts[] = {"all_reduce_gloo.py", "all_reduce_pccl.py"};

struct BenchCollectiveOptions {
  CollectiveBenchOptions bench;
  MemberPlace place;   // --member
  std::string python;  // --peers
  bool json = false;
};

template <class Value>
std::string joined(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) text += (text.empty() ? "" : ",") + fmt::format("{}", value);
  return text;
}

Status add_peers(const BenchCollectiveOptions& options, Json& report) {
  for (const char* name : kPeerScripts) {
    const Result<std::string> script = find_peer_script(name);
    if (!script.ok()) return script.status();
    Result<Json> peers = run_peer_script(
        options.python, *script,
        {"--members", joined(options.bench.members), "--mb", joined(options.bench.mb), "--repeats",
         std::to_string(options.bench.repeats)});
    if (!peers.ok()) return peers.status();
    if (Status status = add_collective_peers(report, std::move(*peers)); !status.ok())
      return status.with_context(name);
  }
  return {};
}

Result<Json> measure(const BenchCollectiveOptions& options) {
  if (!options.python.empty())
    if (Status status = check_peer_python(options.python); !status.ok()) return status;
  Result<Json> report = run_collective_bench(options.bench);
  if (!report.ok() || options.python.empty()) return report;
  if (Status status = add_peers(options, *report); !status.ok()) return status;
  return report;
}

// What the machine lacks is no mistake in the command.
bool lacks_device(const BenchCollectiveOptions& options, int& exit_code) {
  const Status status = check_machine_for(options.bench.wire);
  if (status.ok()) return false;
  print_error(status.message());
  exit_code = exit_code_of(status.code());
  return true;
}

int bench_collective(const BenchCollectiveOptions& options) {
  const Result<Json> report = measure(options);
  if (!report.ok()) {
    print_error(report.status().message());
    return exit_code_of_command(report.status().code());
  }
  print_out(options.json ? report->dump(2) + "\n" : collective_table(*report));
  return kExitDone;
}

// One member alone; member 0 prints where it is met, and in the end the report, as lines of JSON.
Status be_member(const BenchCollectiveOptions& options) {
  const MemberPlace& place = options.place;
  CollectiveBenchOptions bench = options.bench;
  bench.members = {place.members};
  if (place.member >= place.members)
    return {Code::kInvalidArgument, fmt::format("--member: {} is out of range; give 0 to {}",
                                                place.member, place.members - 1)};
  if (Status status = check_collective_bench(bench, 1); !status.ok()) return status;
  const Result<Json> report = run_collective_member(bench, place, [&](const std::string& address) {
    if (place.member == 0) print_out(Json{{"meet", address}}.dump() + "\n");
  });
  if (!report.ok()) return report.status().with_context(fmt::format("member {}", place.member));
  if (place.member == 0) print_out(report->dump() + "\n");
  return {};
}

int bench_member(const BenchCollectiveOptions& options) {
  const Status status = be_member(options);
  if (status.ok()) return kExitDone;
  print_error(status.message());
  return exit_code_of_command(status.code());
}

void add_sizes(CLI::App& app, CollectiveBenchOptions& options) {
  app.add_option("--members", options.members, "Processes in a group, one group after the other")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--mb", options.mb, "Sizes of the fp32 tensor, in 10^6 bytes; 0: none")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--collectives", options.collectives,
                 "direct, gather, star, ring; with --transport nccl also all_reduce, in fp32")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--codecs", options.codecs, "Codecs of the contributions")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--result-codec", options.result_codec, "As sync.result_codec in a recipe")
      ->capture_default_str();
  app.add_option("--owners", options.owners,
                 "Members that aggregate an equal part each, of their numbers; none: all")
      ->delimiter(',');
  app.add_option("--payload-mb", options.payload_mb,
                 "Sizes sent one way between two processes, beside plain TCP; 0: none")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--payload-connections", options.payload_connections,
                 "Connections that share such a payload")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Of each member's encode and decode passes")
      ->capture_default_str();
  app.add_option("--repeat", options.repeats, "Timed repeats, after a warm-up")
      ->capture_default_str();
}

void add_wire(CLI::App& app, BenchCollectiveOptions& options) {
  WireOptions& wire = options.bench.wire;
  app.add_option("--transport", wire.transport,
                 "grpc, or nccl: needs a build with CUDA and a device, which members may share")
      ->capture_default_str();
  app.add_option("--channels", wire.channels, "Connections to each peer")->capture_default_str();
  CLI::Option* member =
      app.add_option("--member", options.place.member, "Be only this member, from 0 on");
  CLI::Option* of = app.add_option("--of", options.place.members, "Members there are");
  CLI::Option* meet = app.add_option("--meet", options.place.meet,
                                     "HOST:PORT where member 0 listens for the others' figures");
  member->needs(of, meet);
  of->needs(member);
  meet->needs(member);
  app.add_option("--listen", wire.listen,
                 "HOST:PORT of this member's transport; port 0: a free one")
      ->capture_default_str()
      ->needs(member);
  app.add_flag("--insecure", wire.insecure, "Allow addresses off loopback, without encryption")
      ->needs(member);
}

}  // namespace

void add_bench_collective(CLI::App& bench, int& exit_code) {
  auto options = std::make_shared<BenchCollectiveOptions>();
  CLI::App* app = bench.add_subcommand(
      "collective", "Measure all-reduces among processes, and the payload path beside plain TCP");
  add_sizes(*app, options->bench);
  add_wire(*app, *options);
  app->add_option("--peers", options->python,
                  "Also measure Gloo and PCCL, as far as this Python interpreter has them");
  app->add_flag("--json", options->json, "Print JSON");
  for (const char* alone : {"--members", "--peers"})
    app->get_option(alone)->excludes(app->get_option("--member"));
  app->footer(
      "A member on each of two hosts; member 0 prints the report, as a line of JSON:\n"
      "  outrigger bench collective --member 0 --of 2 --listen HOST0:0 --meet HOST0:7070 "
      "--insecure\n"
      "  outrigger bench collective --member 1 --of 2 --listen HOST1:0 --meet HOST0:7070 "
      "--insecure\n"
      "Example: outrigger bench collective --members 2 --mb 64 --codecs fp32,int8 --peers python3");
  app->callback([app, options, &exit_code] {
    for (std::vector<double>* sizes : {&options->bench.mb, &options->bench.payload_mb})
      std::erase(*sizes, 0);
    const bool member = app->count("--member") > 0;
    const WireOptions& wire = options->bench.wire;
    if (member && wire.transport == "nccl")
      set_nccl_environment(fmt::format("bench-member-{}", options->place.member), wire.listen);
    if (lacks_device(*options, exit_code)) return;
    exit_code = member ? bench_member(*options) : bench_collective(*options);
  });
}

}  // namespace outrigger
