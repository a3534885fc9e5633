#include <outrigger/framework/model/init.h>

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <random>
#include <span>

#include <outrigger/comm/hash.h>

namespace outrigger {
namespace {

// ln(x) for x in (0, 1), the same bits everywhere: x = m 2^e with m in [sqrt(1/2), sqrt(2)), then
// the series of 2 artanh((m - 1) / (m + 1)), whose terms shrink by 34 each.
double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) m *= 2, --exponent;
  const double z = (m - 1) / (m + 1), square = z * z;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * square + 1.0 / k;
  return 2 * z * series + exponent * 0.69314718055994531;
}

class NormalStream {
 public:
  NormalStream(std::uint64_t seed, std::string_view name)
      : engine_(seed ^ hash64(std::as_bytes(std::span(name)))) {}

  double next() {
    if (has_spare_) return has_spare_ = false, spare_;
    double u = 0, v = 0, s = 0;
    do {
      u = uniform(), v = uniform();
      s = u * u + v * v;
    } while (s >= 1 || s == 0);
    const double scale = std::sqrt(-2 * portable_log(s) / s);
    spare_ = v * scale, has_spare_ = true;
    return u * scale;
  }

 private:
  double uniform() { return static_cast<double>(engine_() >> 11U) * 0x1p-52 - 1; }  // [-1, 1)

  std::mt19937_64 engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace

void fill_normal(const at::Tensor& tensor, double standard_deviation, std::uint64_t seed,
                 std::string_view name) {
  const c10::NoGradGuard no_grad;
  NormalStream stream(seed, name);
  at::Tensor values = at::empty(tensor.sizes(), at::kFloat);
  float* out = values.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    out[i] = static_cast<float>(standard_deviation * stream.next());
  tensor.copy_(values);
}

void fill_ones(const at::Tensor& tensor) {
  const c10::NoGradGuard no_grad;
  tensor.fill_(1);
}

}  // namespace outrigger
