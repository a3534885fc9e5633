#include <outrigger/framework/model/kernels.h>

#include <bit>
#include <cmath>

// One binary for every x86-64 processor: the loader picks the widest version that the machine has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define OUTRIGGER_SIMD [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define OUTRIGGER_SIMD
#endif

namespace outrigger::kernels {
namespace {

constexpr std::int64_t kLanes = 16;

// sum_i f(i) in 16 interleaved partial sums, added at the end: the same bits whatever the vector
// width.
template <class Term>
[[gnu::always_inline]] inline float lane_sum(std::int64_t size, const Term& term) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  for (; i < size; ++i) lanes[i % kLanes] += term(i);
  float sum = 0.0F;
  for (const float lane : lanes) sum += lane;
  return sum;
}

// e^x to about 2 units in the last place, in operations that vectorise: x = n ln 2 + r, a
// polynomial for e^r (Cephes' coefficients), then 2^n through the exponent bits. NaN stays NaN.
[[gnu::always_inline]] inline float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) << 23U;
  return p * std::bit_cast<float>(exponent + 0x3F800000U);
}

[[gnu::always_inline]] inline float sigmoid(float x) {
  return 1.0F / (1.0F + fast_exp(-x));
}

}  // namespace

OUTRIGGER_SIMD void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows,
                             std::int64_t width, float* y, float* inverse_rms) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
    const float squares = lane_sum(width, [x](std::int64_t i) { return x[i] * x[i]; });
    const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
    for (std::int64_t i = 0; i < width; ++i) y[i] = x[i] * inverse * weight[i];
    inverse_rms[row] = inverse;
  }
}

OUTRIGGER_SIMD void rms_norm_backward(const float* dy, const float* x, const float* weight,
                                      const float* inverse_rms, std::int64_t rows,
                                      std::int64_t width, float* dx, float* dweight) {
  for (std::int64_t row = 0; row < rows; ++row, dy += width, x += width, dx += width) {
    const float inverse = inverse_rms[row];
    const float dot = lane_sum(width, [=](std::int64_t i) { return dy[i] * weight[i] * x[i]; });
    const float slope = dot * inverse * inverse / static_cast<float>(width);
    for (std::int64_t i = 0; i < width; ++i) {
      dx[i] = inverse * (dy[i] * weight[i] - x[i] * slope);
      dweight[i] += dy[i] * (x[i] * inverse);
    }
  }
}

OUTRIGGER_SIMD void rope(const float* x, const float* cosine, const float* sine, float direction,
                         std::int64_t first_row, std::int64_t last_row, std::int64_t length,
                         std::int64_t heads, std::int64_t dim, float* y) {
  const std::int64_t half = dim / 2;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    const float* c = cosine + (row % length) * half;
    const float* s = sine + (row % length) * half;
    for (std::int64_t head = 0; head < heads; ++head) {
      const float* in = x + (row * heads + head) * dim;
      float* out = y + (row * heads + head) * dim;
      for (std::int64_t i = 0; i < half; ++i) {
        const float turn = direction * s[i];
        out[i] = in[i] * c[i] - in[i + half] * turn;
        out[i + half] = in[i + half] * c[i] + in[i] * turn;
      }
    }
  }
}

OUTRIGGER_SIMD void swiglu(const float* gate, const float* up, std::int64_t size, float* y) {
  for (std::int64_t i = 0; i < size; ++i) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

OUTRIGGER_SIMD void swiglu_backward(const float* dy, const float* gate, const float* up,
                                    std::int64_t size, float* dgate, float* dup) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = gate[i];
    const float s = sigmoid(g);
    dgate[i] = dy[i] * up[i] * (s * (1.0F + g * (1.0F - s)));
    dup[i] = dy[i] * (g * s);
  }
}

}  // namespace outrigger::kernels
