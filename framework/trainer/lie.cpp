#include <outrigger/framework/trainer/lie.h>

#include <cmath>
#include <random>

namespace outrigger {
namespace {

void make_noise(std::uint64_t seed, std::span<float> delta) {
  double squares = 0;
  for (const float value : delta) squares += double{value} * double{value};
  const double size =
      std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, delta.size())));
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0.0, size);
  for (float& value : delta) value = size > 0 ? static_cast<float>(normal(random)) : 0.0F;
}

}  // namespace

DeltaHook make_lie(const std::string& lie, std::uint64_t seed) {
  if (lie == "random")
    return [seed](RoundId round, std::size_t offset, std::span<float> delta) {
      make_noise(((seed * 1000003 + round.fragment) * 1000003 + round.number) * 1000003 + offset,
                 delta);
    };
  const float factor = lie == "scale" ? 100.0F : -1.0F;
  return [factor](RoundId, std::size_t, std::span<float> delta) {
    for (float& value : delta) value *= factor;
  };
}

}  // namespace outrigger
