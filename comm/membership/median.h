#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace outrigger {

// The middle one, or the mean of the two in the middle; Value() of none.
template <class Value>
Value median_of(std::vector<Value> values) {
  if (values.empty()) return Value();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace outrigger
