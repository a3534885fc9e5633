#include <fmt/format.h>

#include <outrigger/optim/outer/nesterov.h>
#include <outrigger/optim/outer/noloco.h>
#include <outrigger/optim/outer/sgd.h>

namespace outrigger {

Result<std::unique_ptr<OuterOptimizer>> make_outer_optimizer(const OuterOptions& options) {
  if (options.optimizer == "nesterov")
    return std::unique_ptr<OuterOptimizer>(new Nesterov(options.lr, options.momentum));
  if (options.optimizer == "sgd") return std::unique_ptr<OuterOptimizer>(new OuterSgd(options.lr));
  if (options.optimizer == "noloco")
    return std::unique_ptr<OuterOptimizer>(new NoLoCo(options.lr, options.momentum));
  return Status(Code::kNotFound,
                fmt::format("there is no outer optimizer '{}'; there are nesterov, sgd, noloco",
                            options.optimizer));
}

}  // namespace outrigger
