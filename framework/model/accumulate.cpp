#include <outrigger/framework/model/accumulate.h>

#include <algorithm>

#include <outrigger/framework/model/autocast.h>

namespace outrigger {

std::vector<MicroBatch> split_batch(std::int64_t batch_rows, std::int64_t micro_rows) {
  std::vector<MicroBatch> parts;
  for (std::int64_t begin = 0; begin < batch_rows; begin += micro_rows) {
    const std::int64_t rows = std::min(micro_rows, batch_rows - begin);
    parts.push_back({begin, rows, static_cast<double>(rows) / static_cast<double>(batch_rows)});
  }
  return parts;
}

double accumulate_gradients(const Llama& model, const at::Tensor& tokens, const at::Tensor& targets,
                            std::int64_t micro_rows, bool bf16) {
  double mean = 0;
  for (const MicroBatch& part : split_batch(tokens.size(0), micro_rows)) {
    at::Tensor loss;
    {
      const Autocast autocast(bf16, tokens.device().type());
      loss = model.loss(tokens.narrow(0, part.begin, part.rows),
                        targets.narrow(0, part.begin, part.rows));
    }
    mean += part.weight * loss.item<double>();
    (part.weight == 1.0 ? loss : loss.mul(part.weight)).backward();
  }
  return mean;
}

}  // namespace outrigger
