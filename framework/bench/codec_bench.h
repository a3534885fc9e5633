#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/framework/bench/spread.h>

namespace outrigger {

// `bench codec`: how fast values become bytes and back with all that a round does around it, beside
// memcpy in the same run.

struct CodecBenchOptions {
  std::vector<std::string> codecs;  // none: all that there are
  std::size_t elements = 100'000'000;
  std::size_t threads = 1;
  int repeats = 5;
};

// Rates are of 4 bytes an element, whatever the codec makes of it, a second: of the values encoded
// or decoded, or of one of the contributions.
struct CodecFigures {
  const Codec* codec = nullptr;
  Spread encode;          // difference, decayed residual, encoding, new residual
  Spread encode_alone;    // encoding
  Spread aggregate;       // decoding of two, mean, encoding
  Spread decode;          // decoding, outer Nesterov step, merge with alpha 0.5
  Spread decode_touched;  // the same in bytes read and written: the encoded ones, and of global,
                          // momentum and local 4 an element each way
};

struct CodecBench {
  Spread memcpy;  // bytes copied a second, of the samples before, between and after the codecs
  std::vector<CodecFigures> codecs;
  // CPU seconds of this process, a thread and second: well below 1, something else had the cores.
  double cpu_share = 0;
};

// The codecs to measure; by default the registry's, and top-k of some of them. NotFound names those
// that exist.
Result<std::vector<const Codec*>> codecs_of(const CodecBenchOptions& options);

// Measures all passes, each `repeats` times after a warm-up. InvalidArgument, before any memory is
// taken: an option is out of range, or the buffers do not fit.
Result<CodecBench> run_codec_bench(const CodecBenchOptions& options);

}  // namespace outrigger
