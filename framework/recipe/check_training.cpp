#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

namespace outrigger {
namespace {

// A key that only some inner optimizers look at.
struct InnerKey {
  const char* key;
  const char* whose;
  std::vector<std::string_view> optimizers;
};

std::vector<InnerKey> keys_of_inner_optimizers() {
  return {{"inner.betas", "AdamW's and lion's", {"adamw", "lion", "muon"}},
          {"inner.eps", "AdamW's", {"adamw", "muon"}},
          {"inner.momentum", "sgd's and muon's", {"sgd", "muon"}},
          {"inner.newton_schulz", "muon's", {"muon"}},
          {"inner.scale", "muon's", {"muon"}},
          {"inner.nesterov", "muon's", {"muon"}},
          {"inner.adamw_lr", "muon's", {"muon"}}};
}

}  // namespace

void Checker::derive_warmup() {
  std::int64_t& warmup = r_.inner.schedule.warmup;
  if (is_set("inner.schedule.warmup") || warmup <= r_.train.steps) return;
  warmup = r_.train.steps / 10;
  loaded_.sources["inner.schedule.warmup"] = {Source::Kind::kDerived, "train.steps", 0};
}

void Checker::check_inner() {
  const InnerRecipe& inner = r_.inner;
  refuse_if(inner.schedule.warmup > r_.train.steps, {"inner.schedule.warmup", "train.steps"},
            fmt::format("a warm-up of {} steps is longer than the training, train.steps = {}; "
                        "make it a tenth of the steps, say",
                        inner.schedule.warmup, r_.train.steps));
  warn_if(inner.schedule.kind == "constant" && is_set("inner.schedule.final") &&
              inner.schedule.final != 1,
          {"inner.schedule.final"}, "has no effect: the schedule is constant");
  for (const auto& [key, whose, optimizers] : keys_of_inner_optimizers()) {
    const bool used =
        std::find(optimizers.begin(), optimizers.end(), inner.optimizer) != optimizers.end();
    warn_if(!used && is_changed(key), {key},
            fmt::format("has no effect: it is {}, and the inner optimizer is {}", whose,
                        inner.optimizer));
  }
  warn_if(inner.weight_decay == 0 && is_changed("inner.decay"), {"inner.decay"},
          "has no effect: inner.weight_decay is 0");
}

void Checker::check_train() {
  const TrainRecipe& t = r_.train;
  const auto count = static_cast<std::int64_t>(r_.islands.names.size());
  const auto& names = r_.islands.names;
  refuse_if(std::find(names.begin(), names.end(), "coordinator") != names.end(), {"islands"},
            "an island cannot be called coordinator: logs and messages call the job's own so");
  refuse_if(
      t.batch < count, {"train.batch", "islands"},
      fmt::format("a batch of {} sequences does not go round {} islands; give at least one to each",
                  t.batch, count));
  const std::int64_t largest_share = (t.batch + count - 1) / count;
  warn_if(t.micro_batch && *t.micro_batch > largest_share, {"train.micro_batch"},
          fmt::format("has no effect: an island's share of the batch is {}", largest_share));
  refuse_if(t.eval_every > 0 && r_.data.eval_fraction == 0,
            {"train.eval_every", "data.eval_fraction"},
            "nothing is held out to evaluate on (data.eval_fraction is 0); set train.eval_every "
            "to 0 or hold out 0.05, say");
}

void Checker::check_experiment() {
  const auto& names = r_.islands.names;
  const std::string& liar = r_.experiment.liar;
  refuse_if(!liar.empty() && std::find(names.begin(), names.end(), liar) == names.end(),
            {"experiment.liar"}, fmt::format("there is no island '{}'", liar));
  warn_if(liar.empty() && is_changed("experiment.lie"), {"experiment.lie"},
          "has no effect: experiment.liar names no island");
}

}  // namespace outrigger
