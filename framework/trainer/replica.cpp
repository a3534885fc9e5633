#include <outrigger/framework/trainer/replica.h>

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include <outrigger/framework/model/accumulate.h>
#include <outrigger/framework/model/autocast.h>
#include <outrigger/framework/model/weights.h>
#include <outrigger/framework/trainer/arithmetic.h>
#include <outrigger/framework/trainer/recipe_options.h>
#include <outrigger/optim/inner/clip.h>
#include <outrigger/optim/inner/schedule.h>

namespace outrigger {
namespace {

constexpr std::size_t kEvalWindows =
    16;  // forward passes are cheap: a fixed number keeps the sums' order

// While it lives the parameters hold other values.
class SwappedWeights {
 public:
  SwappedWeights(const NamedTensors& parameters, const NamedTensors& weights)
      : parameters_(parameters) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const at::Tensor& own = parameters_[k].tensor;
      saved_.push_back(own.detach().clone());
      std::memcpy(own.data_ptr<float>(), weights[k].tensor.data_ptr<float>(), own.nbytes());
    }
  }
  ~SwappedWeights() {
    for (std::size_t k = 0; k < saved_.size(); ++k)
      std::memcpy(parameters_[k].tensor.data_ptr<float>(), saved_[k].data_ptr<float>(),
                  saved_[k].nbytes());
  }
  SwappedWeights(const SwappedWeights&) = delete;
  SwappedWeights& operator=(const SwappedWeights&) = delete;

 private:
  const NamedTensors& parameters_;
  std::vector<at::Tensor> saved_;
};

}  // namespace

std::unique_ptr<Replica> Replica::create(const Recipe& recipe, const LlamaConfig& config) {
  auto replica = std::make_unique<Replica>(recipe, config);
  if (recipe.model.load.empty())
    replica->model_.init(static_cast<std::uint64_t>(recipe.seed));
  else
    throw_if_error(load_weights(recipe.model.load, replica->model_));
  return replica;
}

Replica::Replica(const Recipe& recipe, const LlamaConfig& config)
    : recipe_(recipe),
      model_(config),
      inner_(make_inner_optimizer(inner_options(recipe), model_.parameters()).value_or_throw()) {}

InnerStep Replica::train(const Batch& batch, std::uint64_t step,
                         const std::function<void()>& correct) {
  ScheduleOptions schedule;
  schedule.kind = schedule_kind(recipe_.inner.schedule.kind).value_or_throw();
  schedule.warmup_steps = recipe_.inner.schedule.warmup;
  schedule.final_fraction = recipe_.inner.schedule.final;

  InnerStep done;
  done.lr = recipe_.inner.lr *
            schedule_factor(schedule, static_cast<std::int64_t>(step), recipe_.train.steps);
  inner_->zero_grad();
  done.loss = accumulate_gradients(model_, batch.tokens, batch.targets,
                                   micro_rows(recipe_, batch.tokens.size(0)),
                                   recipe_.train.precision == "bf16");
  correct();
  done.grad_norm = clip_grad_norm(model_.parameters(), recipe_.inner.clip);
  inner_->step(done.lr);
  return done;
}

EvalSum Replica::evaluate(const TrainingData& data, const NamedTensors& weights) {
  const at::NoGradGuard no_grad;
  const SwappedWeights swapped(model_.parameters(), weights);
  EvalSum sum;
  const std::size_t windows = data.eval_windows().size();
  for (std::size_t first = 0; first < windows; first += kEvalWindows) {
    const Batch batch =
        data.eval_batch(first, std::min(kEvalWindows, windows - first)).value_or_throw();
    const Autocast autocast(recipe_.train.precision == "bf16");
    const double loss = model_.loss(batch.tokens, batch.targets).item<float>();
    sum.loss += loss * static_cast<double>(batch.targets.numel());
    sum.tokens += batch.targets.numel();
  }
  return sum;
}

}  // namespace outrigger
