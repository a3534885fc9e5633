#include <fmt/format.h>

#include <outrigger/optim/outer/delayed_nesterov.h>
#include <outrigger/optim/outer/fedopt.h>
#include <outrigger/optim/outer/heavy_ball.h>
#include <outrigger/optim/outer/nesterov.h>
#include <outrigger/optim/outer/noloco.h>
#include <outrigger/optim/outer/sgd.h>
#include <outrigger/optim/registrations.h>

namespace outrigger {
namespace {

using Made = Result<std::unique_ptr<OuterOptimizer>>;

template <class Optimizer, class... Arguments>
Made make(Arguments&&... arguments) {
  return std::unique_ptr<OuterOptimizer>(new Optimizer(std::forward<Arguments>(arguments)...));
}

Made make_fedopt(FedOpt::Kind kind, const OuterOptions& options) {
  if (!(options.epsilon > 0))
    return Status(Code::kInvalidArgument,
                  fmt::format("outer epsilon is {}; it must be above 0", options.epsilon));
  return make<FedOpt>(kind, options);
}

Made make_delayed_nesterov(const OuterOptions& options) {
  const double workers = static_cast<double>(options.workers);
  if (options.workers == 0)
    return Status(Code::kInvalidArgument, "delayed_nesterov needs the number of workers");
  if (!(options.early_momentum >= 0 && options.early_momentum <= 1 / workers))
    return Status(Code::kInvalidArgument,
                  fmt::format("delayed_nesterov's early momentum is {}; with {} workers it must be "
                              "from 0 to 1/{}",
                              options.early_momentum, options.workers, options.workers));
  return make<DelayedNesterov>(options);
}

Registrations<MakeOuterOptimizer>& registrations() {
  static Registrations<MakeOuterOptimizer> all;
  return all;
}

}  // namespace

void register_outer_optimizer(const std::string& name, MakeOuterOptimizer make_own) {
  OuterOptions options;
  options.optimizer = name;
  options.workers = 1;
  if (make_outer_optimizer(options).ok())
    throw Error(
        {Code::kInvalidArgument, fmt::format("there is an outer optimizer '{}' already", name)});
  registrations().add("outer optimizer", name, std::move(make_own));
}

Result<std::unique_ptr<OuterOptimizer>> make_outer_optimizer(const OuterOptions& options) {
  const std::string& name = options.optimizer;
  if (name == "nesterov") return make<Nesterov>(options.lr, options.momentum);
  if (name == "sgd") return make<OuterSgd>(options.lr);
  if (name == "heavy_ball") return make<HeavyBall>(options.lr, options.momentum);
  if (name == "adam") return make_fedopt(FedOpt::Kind::kAdam, options);
  if (name == "adagrad") return make_fedopt(FedOpt::Kind::kAdagrad, options);
  if (name == "yogi") return make_fedopt(FedOpt::Kind::kYogi, options);
  if (name == "delayed_nesterov") return make_delayed_nesterov(options);
  if (name == "noloco") return make<NoLoCo>(options.lr, options.momentum);
  if (const auto own = registrations().find(name)) return (*own)(options);
  return Status(Code::kNotFound,
                fmt::format("there is no outer optimizer '{}'; there are nesterov, sgd, "
                            "heavy_ball, adam, adagrad, yogi, delayed_nesterov, noloco",
                            name));
}

}  // namespace outrigger
