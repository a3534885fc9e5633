#pragma once

#include <span>

namespace outrigger {

// Whether a norm is unusually large for the island that announced it: a z-test against the
// exponential averages of its earlier norms G. After each norm, with d = G - mean before it and
// a = 0.02,
//   mean <- mean + a d
//   variance <- (1 - a) (variance + a d (G - mean))
// and z = (G - mean) / sqrt(variance) is an outlier if it is above 3 max(1, std of recent z),
// upwards only and after `warmup` norms. Source: arXiv 2412.07210 (EDiT) and its authors' code.
// Where it differs or they are silent:
// - It starts without a bias: the first norms have a = 1 / count until that falls below 0.02.
// - An outlier teaches nothing but the limit that it is above: repeated ones do not wear the test
//   out, and a lasting change is accepted after some rounds instead of never.
// - The std of recent z is that of exponential averages of z and z^2 over the norms that passed,
//   from 0, with a = 0.02.
// - With variance 0, z is 0.
class NormTest {
 public:
  // One island's doubles in SharedState: norms seen, mean, variance, mean of z, mean of z^2. All 0
  // at the start.
  static constexpr std::size_t kStatistics = 5;

  explicit NormTest(double warmup) : warmup_(warmup) {}
  bool is_outlier(std::span<const double> statistics, double norm) const;
  void learn(std::span<double> statistics, double norm) const;

 private:
  double warmup_;
};

}  // namespace outrigger
