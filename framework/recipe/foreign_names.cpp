#include <outrigger/framework/recipe/foreign_names.h>

#include <array>

namespace outrigger {
namespace {

constexpr std::string_view kOneWorker = "has no key yet: an island is one process; leave it out";

constexpr ForeignName kForeignNames[] = {
    // torchft, torchtitan
    {"sync_every", "sync.every", ""},
    {"sync_steps", "sync.every", ""},
    {"should_quantize", "sync.codec", "write sync.codec: int8"},
    {"num_fragments", "sync.fragments", ""},
    {"fragment_sync_delay", "sync.delay", ""},
    {"fragment_update_alpha", "sync.alpha", "the weight of the local parameters, as there"},
    {"mix_alpha", "sync.alpha", ""},
    {"semi_sync_method", "sync.every", "DiLoCo with sync.every inner steps is what Outrigger does"},
    {"min_replica_size", "islands.count", "every island is needed"},
    {"group_size", "islands.count", ""},
    {"num_replicas", "islands.count", ""},
    {"process_group_timeout_ms", "membership.timeout.max", "a duration such as 10min"},
    // MaxText
    {"enable_diloco", "sync.enabled", ""},
    {"diloco_sync_period", "sync.every", ""},
    {"num_diloco_replicas", "islands.count", ""},
    {"diloco_outer_lr", "outer.lr", ""},
    {"diloco_outer_momentum", "outer.momentum", ""},
    // OpenDiLoCo, hivemind
    {"hv.local_steps", "sync.every", ""},
    {"hv.outer_lr", "outer.lr", ""},
    {"local_steps", "sync.every", ""},
    {"inner_steps", "sync.every", ""},
    {"outer_lr", "outer.lr", ""},
    {"outer_learning_rate", "outer.lr", ""},
    {"outer_momentum", "outer.momentum", ""},
    {"averaging_timeout", "membership.timeout.max", ""},
    // transformers, nanoGPT, torchtitan's training section
    {"learning_rate", "inner.lr", ""},
    {"lr", "inner.lr", ""},
    {"inner_lr", "inner.lr", ""},
    {"beta1", "inner.betas", "write inner.betas: [beta1, beta2]"},
    {"beta2", "inner.betas", "write inner.betas: [beta1, beta2]"},
    {"grad_clip", "inner.clip", ""},
    {"max_norm", "inner.clip", ""},
    {"max_grad_norm", "inner.clip", ""},
    {"warmup_steps", "inner.schedule.warmup", ""},
    {"warmup_iters", "inner.schedule.warmup", ""},
    {"lr_scheduler_type", "inner.schedule.kind", ""},
    {"min_lr", "inner.schedule.final", "a fraction of inner.lr"},
    {"batch_size", "train.batch", "it counts the sequences of all islands together"},
    {"global_batch_size", "train.batch", ""},
    {"total_batch_size", "train.batch", "it counts sequences"},
    {"local_batch_size", "train.micro_batch", ""},
    {"per_device_train_batch_size", "train.micro_batch", ""},
    {"gradient_accumulation_steps", "train.micro_batch",
     "it follows from train.batch, the islands and train.micro_batch"},
    {"max_steps", "train.steps", ""},
    {"max_iters", "train.steps", ""},
    {"total_steps", "train.steps", ""},
    {"seq_len", "train.context", ""},
    {"seq_length", "train.context", ""},
    {"block_size", "train.context", ""},
    {"max_seq_len", "train.context", ""},
    {"eval_interval", "train.eval_every", ""},
    {"log_interval", "train.log_every", ""},
    {"dtype", "train.precision", ""},
    {"save_steps", "checkpoint.every", ""},
    {"save_total_limit", "checkpoint.keep", ""},
    {"num_hidden_layers", "model.layers", ""},
    {"n_layer", "model.layers", ""},
    {"hidden_size", "model.hidden", ""},
    {"n_embd", "model.hidden", ""},
    {"num_attention_heads", "model.heads", ""},
    {"n_head", "model.heads", ""},
    {"num_key_value_heads", "model.kv_heads", ""},
    {"intermediate_size", "model.ffn", ""},
    {"vocab_size", "model.vocab", ""},
    {"rms_norm_eps", "model.norm_eps", ""},
    {"tie_word_embeddings", "model.tied", ""},
    {"dataset", "data.files", "or data.corpus"},
    // torchrun
    {"nproc_per_node", "", kOneWorker},
    {"nnodes", "islands.count", "an island is one process"},
    // Outrigger's own, still to come
    {"islands.workers", "", kOneWorker},
    {"membership.policy", "",
     "has no key yet: the policy is strict, so a lost island ends the job; leave it out"},
    {"membership.min_islands", "",
     "has no key yet: the policy is strict, so every island is needed; leave it out"},
    {"membership.grace", "",
     "has no key yet: the policy is strict, so every island is waited for; leave it out"},
    {"metrics.tensorboard", "", "has no key yet: metrics.jsonl holds the figures; leave it out"},
    {"metrics.prometheus", "", "has no key yet: metrics.jsonl holds the figures; leave it out"},
};

}  // namespace

std::span<const ForeignName> foreign_names() {
  return kForeignNames;
}

const ForeignName* find_foreign_name(std::string_view name) {
  for (const std::string_view wanted : {name, name.substr(name.rfind('.') + 1)}) {
    for (const ForeignName& foreign : kForeignNames) {
      if (foreign.name == wanted) return &foreign;
    }
  }
  return nullptr;
}

}  // namespace outrigger
