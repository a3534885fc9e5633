#include <outrigger/framework/bench/codec_bench.h>

#include <ctime>

#include <fmt/format.h>

#include <outrigger/comm/clock.h>
#include <outrigger/framework/bench/codec_passes.h>
#include <outrigger/framework/cli/checkup.h>
#include <outrigger/framework/launch/machine.h>

namespace outrigger {
namespace {

// Measured by default beside the registry's, where they can be composed.
constexpr std::string_view kComposed[] = {"top-k-64", "top-k-64-int8", "top-k-64-2-bit"};

Status check(const CodecBenchOptions& options) {
  const auto refused = [](const std::string& text) { return Status(Code::kInvalidArgument, text); };
  if (options.elements < 1) return refused("--elements: 0 is too few; give at least 1");
  if (options.repeats < 1)
    return refused(fmt::format("--repeats: {} is too few; give at least 1", options.repeats));
  if (const unsigned cores = this_machine().cores; options.threads < 1 || options.threads > cores)
    return refused(fmt::format("--threads: {} is out of range; this process may use 1 to {}",
                               options.threads, cores));
  const double needed = CodecPasses::bytes(static_cast<double>(options.elements));
  const double free = free_memory();
  if (needed <= free) return {};
  return refused(fmt::format(
      "--elements: {} need {} of memory, and {} are free; give at most {:.0f}", options.elements,
      size_text(needed), size_text(free), free / CodecPasses::bytes(1)));
}

double fp32_bytes(const CodecBenchOptions& options) {
  return 4.0 * static_cast<double>(options.elements);
}

std::vector<double> measure_copies(CodecPasses& passes, const CodecBenchOptions& options) {
  return rates_of(fp32_bytes(options), seconds_of(options.repeats, [&] { passes.copy(); }));
}

CodecFigures measure(CodecPasses& passes, const Codec& codec, const CodecBenchOptions& options) {
  const auto rates = [&](void (CodecPasses::*pass)()) {
    return rates_of(fp32_bytes(options), seconds_of(options.repeats, [&] { (passes.*pass)(); }));
  };
  passes.start(codec);
  CodecFigures figures;
  figures.codec = &codec;
  figures.encode = spread_of(rates(&CodecPasses::encode));
  figures.encode_alone = spread_of(rates(&CodecPasses::encode_alone));
  figures.aggregate = spread_of(rates(&CodecPasses::aggregate));
  std::vector<double> decode = rates(&CodecPasses::decode);
  figures.decode = spread_of(decode);
  for (double& rate : decode) rate *= passes.decode_bytes() / fp32_bytes(options);
  figures.decode_touched = spread_of(decode);
  return figures;
}

}  // namespace

Result<std::vector<const Codec*>> codecs_of(const CodecBenchOptions& options) {
  std::vector<const Codec*> codecs;
  if (options.codecs.empty()) {
    for (const std::string_view name : codec_names()) codecs.push_back(*find_codec(name));
    for (const std::string_view name : kComposed)
      if (const Result<const Codec*> codec = find_codec(name); codec.ok()) codecs.push_back(*codec);
  }
  for (const std::string& name : options.codecs) {
    const Result<const Codec*> codec = find_codec(name);
    if (!codec.ok()) return codec.status().with_context("--codec");
    codecs.push_back(*codec);
  }
  return codecs;
}

Result<CodecBench> run_codec_bench(const CodecBenchOptions& options) {
  const Result<std::vector<const Codec*>> codecs = codecs_of(options);
  if (!codecs.ok()) return codecs.status();
  if (Status status = check(options); !status.ok()) return status;
  CodecBench bench;
  const TimePoint begin = Clock::now();
  const std::clock_t cpu_begin = std::clock();
  CodecPasses passes(options.elements, options.threads);
  std::vector<double> copies = measure_copies(passes, options);
  for (const Codec* codec : *codecs) {
    bench.codecs.push_back(measure(passes, *codec, options));
    for (const double rate : measure_copies(passes, options)) copies.push_back(rate);
  }
  bench.memcpy = spread_of(copies);
  const double cpu_seconds = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  bench.cpu_share =
      cpu_seconds / static_cast<double>(options.threads) / seconds(Clock::now() - begin);
  return bench;
}

}  // namespace outrigger
