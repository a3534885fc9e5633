#include <outrigger/framework/data/split.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace outrigger {

Result<Split> split_corpus(std::int64_t tokens, double eval_fraction, std::int64_t context) {
  if (context < 1)
    return Status(Code::kInvalidArgument,
                  fmt::format("a context of {} tokens holds none", context));
  if (!(eval_fraction >= 0.0 && eval_fraction < 1.0))
    return Status(Code::kInvalidArgument,
                  fmt::format("a held-out fraction of {} is not from 0 to below 1", eval_fraction));
  const auto held_out =
      static_cast<std::int64_t>(std::floor(static_cast<double>(tokens) * eval_fraction));
  const Split split{{0, tokens - held_out}, {tokens - held_out, tokens}};
  if (split.train.size() < context + 1)
    return Status(Code::kInvalidArgument,
                  fmt::format("the corpus has {} tokens, {} of them for training: a context of {} "
                              "needs at least {}. Take a larger corpus or a shorter context",
                              tokens, split.train.size(), context, context + 1));
  if (eval_fraction > 0.0 && split.eval.size() < context + 1)
    return Status(Code::kInvalidArgument,
                  fmt::format("a held-out fraction of {} of {} tokens is {}: a context of {} needs "
                              "at least {}. Hold out more, or nothing",
                              eval_fraction, tokens, held_out, context, context + 1));
  return split;
}

std::vector<std::int64_t> eval_windows(TokenRange eval, std::int64_t context,
                                       std::int64_t eval_tokens) {
  const std::int64_t available = std::max<std::int64_t>(0, (eval.size() - 1) / context);
  const std::int64_t count = std::min(available, eval_tokens / context);
  std::vector<std::int64_t> starts;
  for (std::int64_t i = 0; i < count; ++i)
    starts.push_back(eval.begin + i * available / count * context);
  return starts;
}

}  // namespace outrigger
