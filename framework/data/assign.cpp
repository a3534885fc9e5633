#include <outrigger/framework/data/assign.h>

#include <algorithm>
#include <cstddef>

namespace outrigger {

SampleRange samples_of_step(std::int64_t step, std::int64_t batch) {
  return {step * batch, (step + 1) * batch};
}

SampleRange part(SampleRange samples, std::int64_t members, std::int64_t member) {
  const std::int64_t each = samples.size() / members;
  const std::int64_t larger = samples.size() % members;
  const std::int64_t begin = samples.begin + member * each + std::min(member, larger);
  return {begin, begin + each + (member < larger ? 1 : 0)};
}

}  // namespace outrigger
