#include <outrigger/comm/codec/stretch.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace outrigger {

Status for_each_stretch(std::size_t elements, std::size_t threads,
                        const std::function<Status(std::size_t begin, std::size_t end)>& work) {
  const std::size_t count = (elements + kStretch - 1) / kStretch;
  std::vector<Status> ended(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr thrown;
  std::mutex mutex;  // of thrown
  const auto run = [&] {
    try {
      for (std::size_t k = next++; k < count && !failed; k = next++) {
        ended[k] = work(k * kStretch, std::min(elements, (k + 1) * kStretch));
        if (!ended[k].ok()) failed = true;
      }
    } catch (...) {
      failed = true;
      const std::lock_guard lock(mutex);
      thrown = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < std::min(threads, count); ++k) others.emplace_back(run);
    run();
  }
  if (thrown) std::rethrow_exception(thrown);
  const auto first =
      std::find_if(ended.begin(), ended.end(), [](const Status& status) { return !status.ok(); });
  return first == ended.end() ? Status() : *first;
}

}  // namespace outrigger
