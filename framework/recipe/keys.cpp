#include <outrigger/framework/recipe/keys.h>

#include <fmt/format.h>

namespace outrigger {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMany = 1e12;  // far below what an int64 or a double holds exactly

Range from(double min, double max = kInfinity) {
  return {.min = min, .max = max};
}
Range above(double min) {
  return {.min = min, .above_min = true};
}
Range fraction_below_one() {
  return {.min = 0, .max = 1, .below_max = true};
}

std::vector<Key> declare_keys() {
  using R = Recipe;
  return {
      {"name",
       [](R& r) -> Slot { return &r.name; },
       "names the run folder: runs/<name>-<time>",
       {},
       {},
       Form::kName},
      {"seed", [](R& r) -> Slot { return &r.seed; },
       "start of every random choice: weights, order of the data, samples", from(0, kMany)},

      {"islands",
       [](R& r) -> Slot { return &r.islands; },
       "the islands by name: [{name: paris}, {name: tokyo}]; hierarchical wants each one's site: "
       "too",
       {},
       {},
       Form::kIslandList},
      {"islands.count",
       [](R& r) -> Slot { return &r.islands; },
       "how many islands, named island-0, island-1, ...",
       from(1, kMaxIslands),
       {},
       Form::kIslandCount},

      {"model.layers", [](R& r) -> Slot { return &r.model.layers; }, "transformer blocks",
       from(1, 1000)},
      {"model.hidden", [](R& r) -> Slot { return &r.model.hidden; }, "width of the residual stream",
       from(1, 1 << 17)},
      {"model.heads", [](R& r) -> Slot { return &r.model.heads; },
       "attention heads; hidden/heads must be even", from(1, 4096)},
      {"model.kv_heads", [](R& r) -> Slot { return &r.model.kv_heads; },
       "heads of keys and values (grouped-query attention); 0: as many as heads", from(0, 4096)},
      {"model.ffn", [](R& r) -> Slot { return &r.model.ffn; },
       "width of the SwiGLU layer; 0: 8/3 of hidden, rounded up to 32", from(0, 1 << 20)},
      {"model.vocab", [](R& r) -> Slot { return &r.model.vocab; },
       "size of the vocabulary; bytes of text need 256", from(2, 1 << 24)},
      {"model.rope_theta", [](R& r) -> Slot { return &r.model.rope_theta; },
       "base of the rotary position embedding", above(0)},
      {"model.norm_eps", [](R& r) -> Slot { return &r.model.norm_eps; }, "epsilon of RMSNorm",
       above(0)},
      {"model.tied", [](R& r) -> Slot { return &r.model.tied; },
       "whether the head shares the embedding's weights"},
      {"model.init_std", [](R& r) -> Slot { return &r.model.init_std; },
       "standard deviation of the first weights", above(0)},
      {"model.load",
       [](R& r) -> Slot { return &r.model.load; },
       "a Hugging Face folder (config.json, safetensors) to start from; its sizes replace those "
       "above",
       {},
       {},
       Form::kPath},

      {"data.files",
       [](R& r) -> Slot { return &r.data.files; },
       "files to train on, in this order",
       {},
       {},
       Form::kPath},
      {"data.format",
       [](R& r) -> Slot { return &r.data.format; },
       "auto: llm.c's token shards by their magic number, else text; text: a token is a byte; "
       "llmc; "
       "raw_u16: nanoGPT's",
       {},
       {"auto", "text", "llmc", "raw_u16"}},
      {"data.corpus",
       [](R& r) -> Slot { return &r.data.corpus; },
       "instead of files: a corpus that a distribution package ships (kjv: package bible-kjv)",
       {},
       {"", "kjv"}},
      {"data.eval_fraction", [](R& r) -> Slot { return &r.data.eval_fraction; },
       "the end of the data that is held out for evaluation", from(0, 0.5)},
      {"data.sharding",
       [](R& r) -> Slot { return &r.data.sharding; },
       "shared: all islands see all parts; contiguous: each its own part, so their data is unlike",
       {},
       {"shared", "contiguous"}},

      {"inner.optimizer",
       [](R& r) -> Slot { return &r.inner.optimizer; },
       "takes each island's inner steps",
       {},
       {"adamw", "sgd", "lion", "muon"}},
      {"inner.lr", [](R& r) -> Slot { return &r.inner.lr; }, "learning rate after the warm-up",
       above(0)},
      {"inner.betas", [](R& r) -> Slot { return &r.inner.betas; },
       "AdamW's decay of the first and the second moment; lion's two betas (its paper: 0.9, 0.99)",
       fraction_below_one()},
      {"inner.eps", [](R& r) -> Slot { return &r.inner.eps; }, "AdamW's epsilon", above(0)},
      {"inner.weight_decay", [](R& r) -> Slot { return &r.inner.weight_decay; },
       "decay of the weights, times the learning rate a step", from(0)},
      {"inner.decay",
       [](R& r) -> Slot { return &r.inner.decay; },
       "which parameters decay; matrices: those of two or more dimensions, so no norms or biases",
       {},
       {"all", "matrices"}},
      {"inner.momentum", [](R& r) -> Slot { return &r.inner.momentum; },
       "momentum of sgd (auto: 0) and of muon (auto: 0.9)", fraction_below_one()},
      {"inner.newton_schulz",
       [](R& r) -> Slot { return &r.inner.newton_schulz; },
       "muon's coefficients; muloco: another set each step; keller: the original Muon's, one set",
       {},
       {"muloco", "keller"}},
      {"inner.scale",
       [](R& r) -> Slot { return &r.inner.scale; },
       "of muon's step on a matrix; spectral_norm: sqrt(rows/columns); rms_norm: 0.2 "
       "sqrt(max(rows, columns))",
       {},
       {"spectral_norm", "rms_norm"}},
      {"inner.nesterov", [](R& r) -> Slot { return &r.inner.nesterov; },
       "whether muon's momentum is Nesterov's"},
      {"inner.adamw_lr", [](R& r) -> Slot { return &r.inner.adamw_lr; },
       "muon: AdamW's learning rate on embedding, head and norms, as a fraction of muon's",
       above(0)},
      {"inner.clip", [](R& r) -> Slot { return &r.inner.clip; },
       "largest norm of an island's gradient; 0: no clipping", from(0)},
      {"inner.schedule.kind",
       [](R& r) -> Slot { return &r.inner.schedule.kind; },
       "how the learning rate goes after the warm-up",
       {},
       {"constant", "linear", "cosine"}},
      {"inner.schedule.warmup", [](R& r) -> Slot { return &r.inner.schedule.warmup; },
       "inner steps over which the learning rate rises from 0", from(0, kMany)},
      {"inner.schedule.final", [](R& r) -> Slot { return &r.inner.schedule.final; },
       "learning rate at the last step, as a fraction of inner.lr", from(0, 1)},

      {"outer.optimizer",
       [](R& r) -> Slot { return &r.outer.optimizer; },
       "applies the islands' mean change to the global parameters",
       {},
       {"nesterov", "heavy_ball", "sgd", "adam", "adagrad", "yogi", "delayed_nesterov", "noloco"}},
      {"outer.lr", [](R& r) -> Slot { return &r.outer.lr; },
       "its learning rate; 1 with sgd takes the plain mean", above(0)},
      {"outer.momentum", [](R& r) -> Slot { return &r.outer.momentum; },
       "momentum of nesterov, heavy_ball, delayed_nesterov and noloco", fraction_below_one()},
      {"outer.betas", [](R& r) -> Slot { return &r.outer.betas; },
       "adam's and yogi's decay of the first and the second moment", fraction_below_one()},
      {"outer.eps", [](R& r) -> Slot { return &r.outer.eps; },
       "adam's, adagrad's and yogi's: changes well below it are not scaled up", above(0)},
      {"outer.early_momentum", [](R& r) -> Slot { return &r.outer.early_momentum; },
       "delayed_nesterov: how much of the momentum every arrival takes, from 0 to 1/islands",
       from(0, 1)},
      {"outer.schedule.kind",
       [](R& r) -> Slot { return &r.outer.schedule.kind; },
       "how the outer learning rate goes after its warm-up",
       {},
       {"constant", "linear", "cosine"}},
      {"outer.schedule.warmup", [](R& r) -> Slot { return &r.outer.schedule.warmup; },
       "rounds over which the outer learning rate rises from 0", from(0, kMany)},
      {"outer.schedule.final", [](R& r) -> Slot { return &r.outer.schedule.final; },
       "outer learning rate at the last round, as a fraction of outer.lr", from(0, 1)},

      {"sync.enabled", [](R& r) -> Slot { return &r.sync.enabled; },
       "false: the islands train alone (to measure what synchronising costs)"},
      {"sync.every", [](R& r) -> Slot { return &r.sync.every; },
       "H: inner steps between two outer rounds", from(1, kMany)},
      {"sync.codec", [](R& r) -> Slot { return &r.sync.codec; },
       "how islands send their changes: fp32, bf16, int8 or another of comm/codec/README.md"},
      {"sync.result_codec", [](R& r) -> Slot { return &r.sync.result_codec; },
       "how the mean comes back; auto: the finest of fp32, bf16 and int8 that takes no more bytes "
       "than sync.codec, or int8"},
      {"sync.error_feedback", [](R& r) -> Slot { return &r.sync.error_feedback; },
       "how much of what an encoding loses is added to the next one; 0: none", from(0, 1)},
      {"sync.feedback",
       [](R& r) -> Slot { return &r.sync.feedback; },
       "residual: what was lost comes back; econtrol: islands send what differs from an estimate",
       {},
       {"residual", "econtrol"}},
      {"sync.low_rank.rank", [](R& r) -> Slot { return &r.sync.low_rank.rank; },
       "PowerSGD: matrices travel as two factors of this rank, in two exchanges; 0: as they are",
       from(0, 65536)},
      {"sync.low_rank.adaptive", [](R& r) -> Slot { return &r.sync.low_rank.adaptive; },
       "lower the rank as fewer columns hold the change"},
      {"sync.low_rank.least", [](R& r) -> Slot { return &r.sync.low_rank.least; },
       "adaptive: the lowest rank", from(1, 65536)},
      {"sync.low_rank.lost_energy",
       [](R& r) -> Slot { return &r.sync.low_rank.lost_energy; },
       "adaptive: the part of the change's energy that a lower rank may leave out",
       {.min = 0, .max = 1, .above_min = true, .below_max = true}},
      {"sync.rounding",
       [](R& r) -> Slot { return &r.sync.rounding; },
       "how codecs round: to the nearest value, or at random without bias",
       {},
       {"nearest", "stochastic"}},
      {"sync.fragments", [](R& r) -> Slot { return &r.sync.fragments; },
       "P: parts of the model that are synchronised apart, each every H steps", from(1, 1024)},
      {"sync.pattern",
       [](R& r) -> Slot { return &r.sync.pattern; },
       "how the model is cut: block i into fragment i mod P, neighbours together, or tensors by "
       "size",
       {},
       {"strided", "sequential", "balanced"}},
      {"sync.fragment_names", [](R& r) -> Slot { return &r.sync.fragment_names; },
       "instead of fragments and pattern: for each fragment shell patterns of tensors' names, with "
       "spaces between"},
      {"sync.delay", [](R& r) -> Slot { return &r.sync.delay; },
       "tau: inner steps from a round's launch to its apply; 0: blocking; H: one round late",
       from(0, kMany)},
      {"sync.merge",
       [](R& r) -> Slot { return &r.sync.merge; },
       "what an apply does to an island's parameters: mix the global ones in, or carry what it "
       "learnt "
       "since the launch over",
       {},
       {"mix", "carry"}},
      {"sync.alpha", [](R& r) -> Slot { return &r.sync.alpha; },
       "mix: the weight of the island's own parameters; 0 takes the global ones", from(0, 1)},
      {"sync.eager", [](R& r) -> Slot { return &r.sync.eager; },
       "with delay = every: an island's own part of the mean at once, the others' one round late"},
      {"sync.proximal", [](R& r) -> Slot { return &r.sync.proximal; },
       "FedProx: pulls the inner steps to the global parameters by this factor; 0: off", from(0)},
      {"sync.control_variates", [](R& r) -> Slot { return &r.sync.control_variates; },
       "SCAFFOLD-style correction of the inner gradients for islands with unlike data; doubles "
       "what is "
       "sent"},
      {"sync.aggregate",
       [](R& r) -> Slot { return &r.sync.aggregate; },
       "how the islands' changes become one; mean weighs them by tokens, uniform does not; "
       "norm_clip, edit, median and trimmed_mean bound what one island can do; rda keeps the "
       "length; sign_vote takes the majority's signs",
       {},
       {"mean", "uniform", "norm_clip", "edit", "rda", "median", "trimmed_mean", "sign_vote"}},
      {"sync.clip", [](R& r) -> Slot { return &r.sync.clip; },
       "norm_clip: largest norm of an island's change; 0: the median of the islands' norms",
       from(0)},
      {"sync.trim",
       [](R& r) -> Slot { return &r.sync.trim; },
       "trimmed_mean: fraction of the islands that is left out at either end, one at least of 3",
       {.min = 0, .max = 0.5, .above_min = true, .below_max = true}},
      {"sync.edit.history", [](R& r) -> Slot { return &r.sync.edit.history; },
       "edit: an island's rounds before its norm can count as an outlier", from(0, kMany)},
      {"sync.edit.clip", [](R& r) -> Slot { return &r.sync.edit.clip; },
       "edit: largest norm of the averaged change", above(0)},

      {"comm.transport",
       [](R& r) -> Slot { return &r.comm.transport; },
       "what moves the islands' changes: grpc over TCP, or nccl from device to device (needs CUDA, "
       "and a network that is trusted: it does not encrypt)",
       {},
       {"grpc", "nccl"}},
      {"comm.topology",
       [](R& r) -> Slot { return &r.comm.topology; },
       "direct: each island averages a part; gather: everyone everything; auto: of these what "
       "moves "
       "fewer bytes; star: one averages all; ring: running means; hierarchical: sites first; "
       "all_reduce: NCCL adds up, fp32 only",
       {},
       {"auto", "direct", "gather", "star", "ring", "hierarchical", "all_reduce"}},
      {"comm.ring_order",
       [](R& r) -> Slot { return &r.comm.ring_order; },
       "ring: roster is the islands' order; measured avoids slow links, but what is measured "
       "differs from run to run, and so do the last bits of a ring's running means",
       {},
       {"roster", "measured"}},
      {"comm.channels", [](R& r) -> Slot { return &r.comm.channels; },
       "TCP connections between two islands, each way; with nccl those that control it",
       from(1, 16)},

      {"membership.timeout.min",
       [](R& r) -> Slot { return &r.membership.timeout.min; },
       "no island is given up sooner, however fast the rounds were",
       {.min = 0.1, .max = 86400}},
      {"membership.timeout.max",
       [](R& r) -> Slot { return &r.membership.timeout.max; },
       "none is waited for longer; what lies between follows the measured rounds",
       {.min = 0.1, .max = 86400}},

      {"train.steps", [](R& r) -> Slot { return &r.train.steps; }, "inner steps of each island",
       from(1, kMany)},
      {"train.batch", [](R& r) -> Slot { return &r.train.batch; },
       "sequences an inner step, of all islands together", from(1, 1 << 24)},
      {"train.micro_batch", [](R& r) -> Slot { return &r.train.micro_batch; },
       "sequences that an island computes at once; auto: what the memory and the device suit",
       from(1, 1 << 24)},
      {"train.context", [](R& r) -> Slot { return &r.train.context; }, "tokens a sequence",
       from(2, 1 << 20)},
      {"train.precision",
       [](R& r) -> Slot { return &r.train.precision; },
       "of the model's arithmetic; weights and sums stay fp32",
       {},
       {"fp32", "bf16"}},
      {"train.threads", [](R& r) -> Slot { return &r.train.threads; },
       "threads of each island; auto: the cores, shared out", from(1, 4096)},
      {"train.eval_every", [](R& r) -> Slot { return &r.train.eval_every; },
       "inner steps between two evaluations; 0: none", from(0, kMany)},
      {"train.eval_tokens", [](R& r) -> Slot { return &r.train.eval_tokens; },
       "held-out tokens of an evaluation", from(1, kMany)},
      {"train.log_every", [](R& r) -> Slot { return &r.train.log_every; },
       "inner steps between two lines of progress", from(1, kMany)},

      {"checkpoint.every", [](R& r) -> Slot { return &r.checkpoint.every; },
       "inner steps between two checkpoints; 0: only at the end", from(0, kMany)},
      {"checkpoint.keep", [](R& r) -> Slot { return &r.checkpoint.keep; },
       "how many of the newest checkpoints stay", from(1, 1e6)},

      {"metrics.console", [](R& r) -> Slot { return &r.metrics.console; },
       "progress on the terminal"},
      {"metrics.jsonl", [](R& r) -> Slot { return &r.metrics.jsonl; },
       "metrics.jsonl in the run folder"},

      {"sample.prompt", [](R& r) -> Slot { return &r.sample.prompt; },
       "the text that the sample at the end goes on from"},
      {"sample.tokens", [](R& r) -> Slot { return &r.sample.tokens; },
       "length of that sample; 0: none", from(0, 1e6)},
      {"sample.temperature", [](R& r) -> Slot { return &r.sample.temperature; },
       "below 1 safer, above 1 wilder; 0: the likeliest token each time", from(0, 100)},
      {"sample.top_k", [](R& r) -> Slot { return &r.sample.top_k; },
       "chooses among the k likeliest tokens; 0: among all", from(0, 1 << 24)},
      {"sample.top_p",
       [](R& r) -> Slot { return &r.sample.top_p; },
       "chooses among the likeliest tokens that sum up to this probability",
       {.min = 0, .max = 1, .above_min = true}},

      {"experiment.liar", [](R& r) -> Slot { return &r.experiment.liar; },
       "for experiments: the island whose pseudo-gradients are falsified; empty: none"},
      {"experiment.lie",
       [](R& r) -> Slot { return &r.experiment.lie; },
       "what it sends: the opposite, the 100-fold, or noise of the same norm",
       {},
       {"sign_flip", "scale", "random"}},
  };
}

std::string range_text(const Range& range) {
  const bool has_max = range.max < kMany;
  if (range.min == -kInfinity) return "";
  if (!has_max) return fmt::format(" {} {}", range.above_min ? "above" : "of at least", range.min);
  if (range.above_min) return fmt::format(" above {} and at most {}", range.min, range.max);
  return fmt::format(" from {} to {}{}", range.min, range.below_max ? "below " : "", range.max);
}

std::string choices_text(const Key& key) {
  std::string text;
  for (std::size_t i = 0; i < key.choices.size(); ++i) {
    if (i > 0) text += i + 1 == key.choices.size() ? " or " : ", ";
    text += key.choices[i].empty() ? "\"\"" : std::string(key.choices[i]);
  }
  return text;
}

}  // namespace

std::span<const Key> recipe_keys() {
  static const std::vector<Key> keys = declare_keys();
  return keys;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : recipe_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

bool is_section(std::string_view name) {
  for (const Key& key : recipe_keys()) {
    if (key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.')
      return true;
  }
  return false;
}

std::string type_text(const Key& key) {
  if (!key.choices.empty()) return choices_text(key);
  switch (key.form) {
    case Form::kName:
      return "a name (letters, digits, . _ -)";
    case Form::kIslandCount:
      return "an integer" + range_text(key.range);
    default:
      break;
  }
  Recipe example;
  struct Visitor {
    const Key& key;
    std::string operator()(bool*) const { return "true or false"; }
    std::string operator()(std::int64_t*) const { return "an integer" + range_text(key.range); }
    std::string operator()(double*) const { return "a number" + range_text(key.range); }
    std::string operator()(std::string*) const {
      return key.form == Form::kPath ? "a path" : "text";
    }
    std::string operator()(Duration*) const { return "a duration (ms, s, min, h), such as 5s"; }
    std::string operator()(std::optional<std::int64_t>*) const {
      return "auto or an integer" + range_text(key.range);
    }
    std::string operator()(std::optional<double>*) const {
      return "auto or a number" + range_text(key.range);
    }
    std::string operator()(std::array<double, 2>*) const {
      return "a list of two numbers" + range_text(key.range);
    }
    std::string operator()(std::vector<std::string>*) const { return "a list of paths"; }
    std::string operator()(IslandsRecipe*) const { return "a list of {name: NAME}"; }
  };
  return std::visit(Visitor{key}, key.slot(example));
}

}  // namespace outrigger
