#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include <outrigger/framework/model/llama.h>

namespace outrigger {

// Rows [begin, begin + rows) of a batch and the factor for their mean loss.
struct MicroBatch {
  std::int64_t begin = 0;
  std::int64_t rows = 0;
  double weight = 1.0;  // rows / all rows: the weighted means add up to the batch's mean, uneven
                        // last part included
};

// Cuts a batch into parts of at most `micro_rows` rows. REQUIRES: both > 0.
std::vector<MicroBatch> split_batch(std::int64_t batch_rows, std::int64_t micro_rows);

// Adds the gradient of the batch's mean loss to the parameters' .grad, one micro-batch at a time,
// so that only one micro-batch's activations live at once. Returns the mean loss. tokens, targets:
// int64 [rows, length]. `bf16` runs the forward passes under Autocast.
double accumulate_gradients(const Llama& model, const at::Tensor& tokens, const at::Tensor& targets,
                            std::int64_t micro_rows, bool bf16);

}  // namespace outrigger
