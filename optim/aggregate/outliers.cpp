#include <outrigger/optim/aggregate/outliers.h>

#include <algorithm>
#include <cmath>

namespace outrigger {
namespace {

constexpr double kRate = 0.02;
constexpr double kThreshold = 3;

struct Judged {
  double z = 0;
  double largest = 0;  // norm that passes
  bool outlier = false;
};

Judged judge(std::span<const double> statistics, double norm, double warmup) {
  const double count = statistics[0], mean = statistics[1];
  const double deviation = std::sqrt(std::max(0.0, statistics[2]));
  if (count < warmup || deviation == 0) return {};
  const double spread = std::sqrt(std::max(0.0, statistics[4] - statistics[3] * statistics[3]));
  const double limit = kThreshold * std::max(1.0, spread);
  const double z = (norm - mean) / deviation;
  return {z, mean + limit * deviation, z > limit};
}

}  // namespace

bool NormTest::is_outlier(std::span<const double> statistics, double norm) const {
  return judge(statistics, norm, warmup_).outlier;
}

void NormTest::learn(std::span<double> statistics, double norm) const {
  const Judged judged = judge(statistics, norm, warmup_);
  if (judged.outlier) {
    norm = judged.largest;
  } else {
    statistics[3] += kRate * (judged.z - statistics[3]);
    statistics[4] += kRate * (judged.z * judged.z - statistics[4]);
  }
  statistics[0] += 1;
  const double rate = std::max(kRate, 1 / statistics[0]);
  const double before = norm - statistics[1];
  statistics[1] += rate * before;
  const double after = norm - statistics[1];
  statistics[2] = (1 - rate) * (statistics[2] + rate * before * after);
}

}  // namespace outrigger
