#include <outrigger/framework/bench/spread.h>

#include <algorithm>

#include <outrigger/comm/clock.h>

namespace outrigger {

Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<double> seconds_of(int repeats, const std::function<void()>& pass) {
  pass();
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    const TimePoint begin = Clock::now();
    pass();
    seconds.push_back(outrigger::seconds(Clock::now() - begin));
  }
  return seconds;
}

std::vector<double> rates_of(double amount, std::vector<double> seconds) {
  for (double& value : seconds) value = amount / value;
  return seconds;
}

}  // namespace outrigger
