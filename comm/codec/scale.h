#pragma once

#include <cfloat>
#include <cmath>
#include <limits>

namespace outrigger {

// largest / codes in fp32. A quotient below FLT_MIN has few bits: it is rounded up where codes
// times it would not reach `largest` (finite), so that it is never 0 unless `largest` is.
constexpr float symmetric_scale(float largest, float codes) {
  const float scale = largest / codes;
  const bool falls_short = scale < FLT_MIN && double{scale} * double{codes} < double{largest};
  return falls_short ? std::nextafter(scale, std::numeric_limits<float>::infinity()) : scale;
}

}  // namespace outrigger
