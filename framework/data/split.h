#pragma once

#include <cstdint>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// Tokens begin, ..., end - 1 of a corpus.
struct TokenRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  friend bool operator==(const TokenRange&, const TokenRange&) = default;
};

// A window is context + 1 tokens: the first `context` are the inputs, the last `context` the
// targets.

// What is trained on, and the held-out tail. No training window reads a token of `eval`.
struct Split {
  TokenRange train;
  TokenRange eval;
};

// Holds out the last floor(tokens * eval_fraction) tokens; a fraction of 0 holds out none.
// InvalidArgument, with the tokens that would be enough, when a part that should exist is too short
// for one window.
Result<Split> split_corpus(std::int64_t tokens, double eval_fraction, std::int64_t context);

// Where the evaluation windows start: they predict no token twice and at most `eval_tokens` in all,
// are spread evenly over the held-out part, and are the same every time. All that fit when
// eval_tokens is at least eval.size(); none when it is below context.
std::vector<std::int64_t> eval_windows(TokenRange eval, std::int64_t context,
                                       std::int64_t eval_tokens);

}  // namespace outrigger
