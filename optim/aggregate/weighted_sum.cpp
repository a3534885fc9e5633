#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "outrigger/optim/aggregate/weighted_sum.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

#include <outrigger/optim/aggregate/sums.h>

HWY_BEFORE_NAMESPACE();
namespace outrigger::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

// Four vectors of sums stay in registers until they are divided. A product is rounded before it is
// added, so that every machine has the same bits.
void SumProducts(std::span<const float> factors, float divisor,
                 std::span<const float* const> inputs, std::span<float> out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= out.size(); i += 4 * lanes) {
    auto a = hn::Zero(d), b = a, c = a, e = a;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const auto factor = hn::Set(d, factors[k]);
      const float* const from = inputs[k] + i;
      a = hn::Add(a, hn::Mul(factor, hn::LoadU(d, from)));
      b = hn::Add(b, hn::Mul(factor, hn::LoadU(d, from + lanes)));
      c = hn::Add(c, hn::Mul(factor, hn::LoadU(d, from + 2 * lanes)));
      e = hn::Add(e, hn::Mul(factor, hn::LoadU(d, from + 3 * lanes)));
    }
    const auto divides = hn::Set(d, divisor);
    hn::StoreU(hn::Div(a, divides), d, out.data() + i);
    hn::StoreU(hn::Div(b, divides), d, out.data() + i + lanes);
    hn::StoreU(hn::Div(c, divides), d, out.data() + i + 2 * lanes);
    hn::StoreU(hn::Div(e, divides), d, out.data() + i + 3 * lanes);
  }
  for (; i < out.size(); ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) sum += factors[k] * inputs[k][i];
    out[i] = sum / divisor;
  }
}

}  // namespace
}  // namespace outrigger::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace outrigger {

HWY_EXPORT(SumProducts);

void weighted_sum(std::span<const double> factors, double divisor,
                  std::span<const std::span<const float>> inputs, std::span<float> out) {
  std::vector<float> rounded;
  std::vector<const float*> counted;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const float factor = static_cast<float>(factors[k]);
    if (factor == 0.0F) continue;
    rounded.push_back(factor);
    counted.push_back(inputs[k].data());
  }
  HWY_DYNAMIC_DISPATCH(SumProducts)(rounded, static_cast<float>(divisor), counted, out);
}

}  // namespace outrigger
#endif
