#pragma once

#include <functional>
#include <vector>

namespace outrigger {

// What the repeats of one measurement gave.
struct Spread {
  double median = 0, min = 0, max = 0;
};

// REQUIRES: values is not empty. The median of an even number is the mean of the two in the middle.
Spread spread_of(std::vector<double> values);

// The seconds of each of `repeats` calls, after a warm-up that is not counted.
std::vector<double> seconds_of(int repeats, const std::function<void()>& pass);

// amount / seconds, for each.
std::vector<double> rates_of(double amount, std::vector<double> seconds);

}  // namespace outrigger
