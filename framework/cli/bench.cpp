#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <outrigger/framework/bench/codec_report.h>
#include <outrigger/framework/bench/peers.h>
#include <outrigger/framework/cli/commands.h>
#include <outrigger/framework/cli/output.h>
#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {
namespace {

struct BenchCodecOptions {
  CodecBenchOptions bench;
  std::string python;  // --peers
  bool json = false;
};

Result<nlohmann::ordered_json> measure(const BenchCodecOptions& options) {
  std::string script;
  if (!options.python.empty()) {
    if (Status status = check_peer_python(options.python); !status.ok()) return status;
    const Result<std::string> found = find_peer_script("codec.py");
    if (!found.ok()) return found.status();
    script = *found;
  }
  if (!script.empty() && options.bench.elements < 4096)
    return Status(Code::kInvalidArgument,
                  fmt::format("--elements: {} are too few for --peers; give at least 4096",
                              options.bench.elements));
  const Result<CodecBench> bench = run_codec_bench(options.bench);
  if (!bench.ok()) return bench.status();
  nlohmann::ordered_json report = codec_report(options.bench, *bench);
  if (script.empty()) return report;
  Result<nlohmann::ordered_json> peers = run_peer_script(
      options.python, script,
      {"--elements", std::to_string(options.bench.elements), "--repeats",
       std::to_string(options.bench.repeats), "--threads", std::to_string(options.bench.threads)});
  if (!peers.ok()) return peers.status();
  if (Status status = add_codec_peers(report, std::move(*peers)); !status.ok()) return status;
  return report;
}

int bench_codec(const BenchCodecOptions& options) {
  const Result<nlohmann::ordered_json> report = measure(options);
  if (!report.ok()) {
    print_error(report.status().message());
    return exit_code_of_command(report.status().code());
  }
  print_out(options.json ? report->dump(2) + "\n" : codec_table(*report));
  return kExitDone;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine, and others' programs on it");
  bench->group(kLookGroup)->require_subcommand(1);

  auto options = std::make_shared<BenchCodecOptions>();
  CodecBenchOptions& sizes = options->bench;
  CLI::App* codec = bench->add_subcommand(
      "codec", "Measure how fast values are encoded, averaged and applied, beside memcpy");
  codec->add_option("--codec", sizes.codecs, "Only this one (may be given several times)")
      ->allow_extra_args(false);
  codec->add_option("--elements", sizes.elements, "Values in each buffer")->capture_default_str();
  codec->add_option("--threads", sizes.threads, "Threads that share the work")
      ->capture_default_str();
  codec->add_option("--repeats", sizes.repeats, "Timed repeats of each pass")
      ->capture_default_str();
  codec->add_option("--peers", options->python,
                    "Also measure PyTorch, torchao and bitsandbytes, as far as this Python "
                    "interpreter has them");
  codec->add_flag("--json", options->json, "Print JSON");
  codec->footer(
      "Needs up to 38 bytes of memory a value. The rates are bytes of fp32 a second; decode's "
      "share of\n"
      "memcpy compares bytes read and written.\n"
      "Example: outrigger bench codec --codec bf16 --codec int8 --peers python3");
  codec->callback([options, &exit_code] { exit_code = bench_codec(*options); });
  add_bench_collective(*bench, exit_code);
}

}  // namespace outrigger
