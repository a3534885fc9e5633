#include <outrigger/comm/codec/stretch.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace outrigger {

Status for_each_stretch(std::size_t elements, std::size_t threads,
                        const std::function<Status(std::size_t begin, std::size_t end)>& work) {
  const std::size_t count = (elements + kStretch - 1) / kStretch;
  std::vector<Status> ended(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto run = [&] {
    for (std::size_t k = next++; k < count && !failed; k = next++) {
      ended[k] = work(k * kStretch, std::min(elements, (k + 1) * kStretch));
      if (!ended[k].ok()) failed = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < std::min(threads, count); ++k) others.emplace_back(run);
    run();
  }
  const auto first =
      std::find_if(ended.begin(), ended.end(), [](const Status& status) { return !status.ok(); });
  return first == ended.end() ? Status() : *first;
}

}  // namespace outrigger
