#include <outrigger/framework/bench/codec_bench.h>

#include "support/catch.h"

namespace outrigger {
namespace codec_bench_test {

CodecBenchOptions tiny() {
  CodecBenchOptions options;
  options.elements = 8192;
  options.repeats = 1;
  return options;
}

std::string refusal(const CodecBenchOptions& options) {
  const Result<CodecBench> bench = run_codec_bench(options);
  CHECK_FALSE(bench.ok());
  return bench.status().message();
}

bool in_order(const Spread& spread) {
  return 0 < spread.min && spread.min <= spread.median && spread.median <= spread.max;
}

}  // namespace codec_bench_test
using namespace codec_bench_test;

// Mutation: leave figures.aggregate out of measure().
TEST_CASE("bench codec: every pass of every codec that is asked for is measured") {
  CodecBenchOptions options = tiny();
  options.codecs = {"int8", "fp32"};
  options.repeats = 3;
  const Result<CodecBench> bench = run_codec_bench(options);
  REQUIRE(bench.ok());
  CHECK(in_order(bench->memcpy));
  CHECK(bench->cpu_share > 0);
  REQUIRE(bench->codecs.size() == 2);
  CHECK(bench->codecs[0].codec->name() == "int8");
  CHECK(bench->codecs[1].codec->name() == "fp32");
  for (const CodecFigures& figures : bench->codecs)
    for (const Spread* spread : {&figures.encode, &figures.encode_alone, &figures.aggregate,
                                 &figures.decode, &figures.decode_touched})
      CHECK(in_order(*spread));
}

// Mutation: decode_bytes() without the encoded bytes.
TEST_CASE("bench codec: the bytes that decoding touches are the encoded ones and 24 a value") {
  CodecBenchOptions options = tiny();
  options.codecs = {"bf16"};
  const Result<CodecBench> bench = run_codec_bench(options);
  REQUIRE(bench.ok());
  const CodecFigures& figures = bench->codecs[0];
  CHECK(figures.decode_touched.median == Approx(figures.decode.median * (2 + 24) / 4));
}

// Mutation: codecs_of starts with the second of codec_names().
TEST_CASE("bench codec: without names all registered codecs are measured") {
  const Result<std::vector<const Codec*>> codecs = codecs_of({});
  REQUIRE(codecs.ok());
  const std::vector<std::string_view> names = codec_names();
  REQUIRE(codecs->size() >= names.size());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK((*codecs)[i]->name() == names[i]);
}

// Mutation: codecs_of skips a name that find_codec does not know.
TEST_CASE("bench codec: an unknown codec is refused with those that exist") {
  CodecBenchOptions options = tiny();
  options.codecs = {"int8", "int9"};
  CHECK(run_codec_bench(options).status().code() == Code::kNotFound);
  const std::string message = refusal(options);
  CHECK(message.find("--codec: there is no codec 'int9'; choose one of fp32, bf16") == 0);
}

// Mutation: any one of check()'s four conditions gone (without the last, memory runs out).
TEST_CASE("bench codec: sizes out of range are refused before any memory is taken") {
  CodecBenchOptions options = tiny();
  options.elements = 0;
  CHECK(refusal(options) == "--elements: 0 is too few; give at least 1");
  options.elements = std::size_t{1} << 60;
  CHECK(refusal(options).find("give at most ") != std::string::npos);
  options = tiny();
  options.repeats = 0;
  CHECK(refusal(options) == "--repeats: 0 is too few; give at least 1");
  options = tiny();
  options.threads = 0;
  CHECK(refusal(options).find("--threads: 0 is out of range; this process may use 1 to ") == 0);
  options.threads = 1 << 20;
  CHECK(refusal(options).find("--threads: 1048576 is out of range") == 0);
}

}  // namespace outrigger
