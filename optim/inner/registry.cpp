#include <fmt/format.h>

#include <outrigger/optim/inner/adamw.h>
#include <outrigger/optim/inner/sgd.h>

namespace outrigger {

Result<std::unique_ptr<InnerOptimizer>> make_inner_optimizer(const InnerOptions& options,
                                                             NamedTensors parameters) {
  if (options.optimizer == "adamw")
    return std::unique_ptr<InnerOptimizer>(new AdamW(std::move(parameters), options));
  if (options.optimizer == "sgd")
    return std::unique_ptr<InnerOptimizer>(new InnerSgd(std::move(parameters), options));
  return Status(
      Code::kNotFound,
      fmt::format("there is no inner optimizer '{}'; there are adamw, sgd", options.optimizer));
}

}  // namespace outrigger
