#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/tokens.h>

namespace outrigger {

// What a model trains on: targets[i][j] is the token after tokens[i][j].
struct Batch {
  at::Tensor tokens;   // int64 [n, context] on the CPU
  at::Tensor targets;  // int64 [n, context] on the CPU
};

// Reads one window of context + 1 tokens per start. Errors as TokenSource::read.
Result<Batch> read_batch(const TokenSource& source, std::span<const std::int64_t> window_starts,
                         std::int64_t context);

}  // namespace outrigger
