#include <outrigger/framework/data/batch.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

namespace outrigger {

Result<Batch> read_batch(const TokenSource& source, std::span<const std::int64_t> window_starts,
                         std::int64_t context) {
  const std::int64_t count = std::ssize(window_starts);
  Batch batch{at::empty({count, context}, at::kLong), at::empty({count, context}, at::kLong)};
  auto* tokens = batch.tokens.mutable_data_ptr<std::int64_t>();
  auto* targets = batch.targets.mutable_data_ptr<std::int64_t>();
  std::vector<std::int64_t> window(static_cast<std::size_t>(context) + 1);
  for (std::int64_t start : window_starts) {
    Status status = source.read(start, window);
    if (!status.ok()) return status;
    tokens = std::copy(window.begin(), window.end() - 1, tokens);
    targets = std::copy(window.begin() + 1, window.end(), targets);
  }
  return batch;
}

}  // namespace outrigger
