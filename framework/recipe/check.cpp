#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/collective/collective.h>
#include <outrigger/framework/recipe/problems.h>
#include <outrigger/framework/recipe/value.h>

namespace outrigger {
namespace {

using Keys = std::initializer_list<const char*>;

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

// The checks name the keys they look at: with a bad one among them they keep quiet, and the first
// one that the user set is where the message points.
class Checker {
 public:
  Checker(LoadedRecipe& loaded, Problems& problems)
      : r_(loaded.recipe), loaded_(loaded), problems_(problems) {}

  void run() {
    if (r_.model.load.empty()) {
      derive_sizes();
      check_model();
    } else {
      explain_loaded_model();
    }
    derive_warmup();
    check_data();
    check_evaluation();
    check_inner();
    check_outer();
    check_aggregate();
    check_sync();
    check_topology();
    check_codecs();
    check_schedule();
    check_experiment();
    check_train();
    check_sample();
  }

 private:
  bool is_set(const char* key) const { return loaded_.sources.contains(key); }
  // Set to something else than its default, which a resolved recipe spells out for every key.
  bool is_changed(const char* key) const {
    return write_value(*find_key(key), r_) != write_value(*find_key(key), Recipe{});
  }

  // {where, key} of the first key on the command line, else of the first that a file sets, else of
  // the first.
  std::pair<std::string, std::string> place(Keys keys) const {
    for (const auto kind : {Source::Kind::kCommandLine, Source::Kind::kFile}) {
      for (const char* key : keys) {
        const auto found = loaded_.sources.find(key);
        if (found == loaded_.sources.end() || found->second.kind != kind) continue;
        return {to_string(found->second), key};
      }
    }
    return {loaded_.path, *keys.begin()};
  }
  void refuse_if(bool wrong, Keys keys, const std::string& what) {
    const bool known = std::none_of(keys.begin(), keys.end(), [&](const char* key) {
      return problems_.bad_keys.contains(key);
    });
    if (!wrong || !known) return;
    const auto [where, key] = place(keys);
    problems_.error(where, key, what);
  }
  void warn_if(bool strange, Keys keys, const std::string& what) {
    if (!strange) return;
    const auto [where, key] = place(keys);
    problems_.warnings.push_back(fmt::format("{}: {}: {}", where, key, what));
  }

  void derive(const char* key, std::int64_t& size, std::int64_t value, const char* from) {
    if (size != 0) return;
    size = value;
    loaded_.sources[key] = {Source::Kind::kDerived, from, 0};
  }
  void derive_sizes() {
    derive("model.kv_heads", r_.model.kv_heads, r_.model.heads, "model.heads");
    derive("model.ffn", r_.model.ffn, (r_.model.hidden * 8 / 3 + 31) / 32 * 32, "model.hidden");
  }
  // A short run should not be refused for a warm-up that nobody asked for.
  void derive_warmup() {
    std::int64_t& warmup = r_.inner.schedule.warmup;
    if (is_set("inner.schedule.warmup") || warmup <= r_.train.steps) return;
    warmup = r_.train.steps / 10;
    loaded_.sources["inner.schedule.warmup"] = {Source::Kind::kDerived, "train.steps", 0};
  }
  void explain_loaded_model() {
    for (const char* key :
         {"model.layers", "model.hidden", "model.heads", "model.kv_heads", "model.ffn",
          "model.vocab", "model.rope_theta", "model.norm_eps", "model.tied", "model.init_std"}) {
      warn_if(is_set(key), {key},
              "has no effect: model.load brings the model's sizes and weights along");
    }
  }

  void check_model() {
    const ModelRecipe& m = r_.model;
    refuse_if(
        m.hidden % m.heads != 0, {"model.heads", "model.hidden"},
        fmt::format(
            "model.heads ({}) does not divide model.hidden ({}); make hidden a multiple of heads",
            m.heads, m.hidden));
    refuse_if(m.hidden % m.heads == 0 && m.hidden / m.heads % 2 != 0,
              {"model.hidden", "model.heads"},
              fmt::format("model.hidden ({}) over model.heads ({}) makes heads of size {}; rotary "
                          "embeddings turn pairs, so it must be even",
                          m.hidden, m.heads, m.hidden / m.heads));
    refuse_if(m.kv_heads > m.heads, {"model.kv_heads", "model.heads"},
              fmt::format("model.kv_heads ({}) is more than model.heads ({}); at most as many",
                          m.kv_heads, m.heads));
    refuse_if(m.kv_heads <= m.heads && m.heads % m.kv_heads != 0, {"model.kv_heads", "model.heads"},
              fmt::format("model.kv_heads ({}) does not divide model.heads ({}); each serves the "
                          "same number of heads",
                          m.kv_heads, m.heads));
    refuse_if((r_.data.format == "text" || !r_.data.corpus.empty()) && m.vocab < 256,
              {"model.vocab", "data.format"},
              fmt::format("model.vocab ({}) is too small for text, which has 256 byte values; make "
                          "it 256 or more",
                          m.vocab));
  }

  void check_data() {
    const DataRecipe& d = r_.data;
    refuse_if(d.files.empty() && d.corpus.empty(), {"data.files", "data.corpus"},
              "there is no data to train on; give data.files: [FILE, ...] or data.corpus: kjv");
    refuse_if(!d.files.empty() && !d.corpus.empty(), {"data.files", "data.corpus"},
              "data.files and data.corpus are both given; empty one (data.corpus= or data.files=[] "
              "on the command line)");
    refuse_if(
        !d.corpus.empty() && !may_be_text(), {"data.format", "data.corpus"},
        fmt::format("data.format is {}, but data.corpus is text; leave the format out", d.format));
    for (std::size_t i = 0; i < d.files.size(); ++i) {
      refuse_if(std::find(d.files.begin(), d.files.begin() + i, d.files[i]) != d.files.begin() + i,
                {"data.files"}, fmt::format("names {} twice; keep one", d.files[i]));
    }
    warn_if(d.sharding == "contiguous" && r_.islands.names.size() == 1, {"data.sharding"},
            "has no effect: there is one island, and it sees everything");
  }

  void check_evaluation() {
    refuse_if(r_.data.eval_fraction > 0 && r_.train.eval_tokens < r_.train.context,
              {"train.eval_tokens", "train.context"},
              fmt::format("train.eval_tokens ({}) is less than train.context ({}): an evaluation "
                          "reads whole contexts; make it a multiple, or data.eval_fraction 0",
                          r_.train.eval_tokens, r_.train.context));
  }

  void check_inner() {
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

  void check_outer() {
    const OuterRecipe& outer = r_.outer;
    const std::string& name = outer.optimizer;
    const bool adaptive = name == "adam" || name == "adagrad" || name == "yogi";
    const bool plain = adaptive || name == "sgd";
    warn_if(plain && is_changed("outer.momentum") && outer.momentum != 0, {"outer.momentum"},
            fmt::format("has no effect: outer {} has no momentum; nesterov has", name));
    warn_if(name != "adam" && name != "yogi" && is_changed("outer.betas"), {"outer.betas"},
            fmt::format("has no effect: outer {} has none; adam and yogi have", name));
    warn_if(!adaptive && is_changed("outer.eps"), {"outer.eps"},
            fmt::format("has no effect: outer {} has none; adam, adagrad and yogi have", name));
    warn_if(r_.sync.enabled && adaptive && !is_set("outer.lr"), {"outer.optimizer"},
            fmt::format("outer.lr is {}, which suits nesterov: {} moves a weight by about outer.lr "
                        "a round, so give a far smaller one, such as 0.001",
                        outer.lr, name));
    warn_if(
        name != "delayed_nesterov" && outer.early_momentum != 0, {"outer.early_momentum"},
        fmt::format("has no effect: it is delayed_nesterov's, and outer.optimizer is {}", name));
    warn_if(outer.schedule.kind == "constant" && is_changed("outer.schedule.final") &&
                outer.schedule.final != 1,
            {"outer.schedule.final"}, "has no effect: the outer schedule is constant");
    refuse_if(outer.schedule.warmup > outer_rounds(r_),
              {"outer.schedule.warmup", "train.steps", "sync.every"},
              fmt::format("a warm-up of {} rounds is longer than the training, which has {} "
                          "(train.steps over sync.every)",
                          outer.schedule.warmup, outer_rounds(r_)));
  }

  void check_aggregate() {
    const std::string& rule = r_.sync.aggregate;
    const auto belongs_to = [&](const char* key, const char* owner) {
      warn_if(rule != owner && is_changed(key), {key},
              fmt::format("has no effect: it is {}'s, and sync.aggregate is {}", owner, rule));
    };
    belongs_to("sync.clip", "norm_clip");
    belongs_to("sync.trim", "trimmed_mean");
    belongs_to("sync.edit.history", "edit");
    belongs_to("sync.edit.clip", "edit");
    warn_if(r_.sync.enabled && rule == "edit" && r_.sync.edit.history >= outer_rounds(r_),
            {"sync.edit.history", "train.steps", "sync.every"},
            fmt::format("{} rounds pass before edit looks for outliers, and the training has {}",
                        r_.sync.edit.history, outer_rounds(r_)));
    warn_if(r_.sync.enabled && (rule == "median" || rule == "trimmed_mean") &&
                r_.islands.names.size() < 3,
            {"sync.aggregate"},
            fmt::format("with fewer than 3 islands {} is the uniform mean of them", rule));
  }

  void check_sync() {
    const SyncRecipe& sync = r_.sync;
    warn_if(
        !sync.enabled, {"sync.enabled"},
        "the islands train alone, so the other keys of sync, outer, comm and checkpoint have no "
        "effect, the islands' weights differ and none are saved");
    warn_if(sync.enabled && sync.every > r_.train.steps, {"sync.every", "train.steps"},
            fmt::format("a round is {} inner steps, but training ends after {}: the islands meet "
                        "once, at the end",
                        sync.every, r_.train.steps));
    const TimeoutRecipe& timeout = r_.membership.timeout;
    refuse_if(timeout.min > timeout.max, {"membership.timeout.min", "membership.timeout.max"},
              "membership.timeout.min is longer than membership.timeout.max; swap them?");
  }

  void check_topology() {
    if (!r_.sync.enabled) return;
    const std::string& topology = r_.comm.topology;
    const bool one = r_.islands.names.size() == 1;
    warn_if(one && is_set("comm.topology") && topology != "auto", {"comm.topology"},
            "has no effect: there is one island");
    warn_if(is_changed("comm.ring_order") && topology != "ring", {"comm.ring_order"},
            "has no effect: it is for comm.topology ring");
    for (const char* key : {"comm.channels", "comm.transport"})
      warn_if(one && is_changed(key), {key}, "has no effect: there is one island");
    warn_if(!one && r_.comm.transport == "nccl" && is_changed("comm.channels"), {"comm.channels"},
            "has little effect: nccl makes connections of its own, these only control it");
    warn_if(!r_.islands.sites.empty() && topology != "hierarchical", {"islands"},
            "the sites have no effect: they are for comm.topology hierarchical");
    // Rules that bring their own topology have said so.
    const std::string& outer = r_.outer.optimizer;
    if (outer == "noloco" || outer == "delayed_nesterov" || one) return;
    if (topology == "all_reduce") check_all_reduce();
    const Result<const Collective*> collective = find_collective(topology);
    if (!collective.ok() || !(*collective)->combines_partials()) return;
    const auto refuse = [&](bool wrong, const char* key, const std::string& what) {
      refuse_if(wrong, {"comm.topology", key},
                fmt::format("{} averages some islands first, then the rest with their mean; {}",
                            topology, what));
    };
    refuse(r_.sync.aggregate != "mean", "sync.aggregate",
           fmt::format("sync.aggregate {} needs every island's change at once: take direct, gather "
                       "or star, or sync.aggregate mean",
                       r_.sync.aggregate));
    refuse(
        r_.sync.control_variates, "sync.control_variates",
        "sync.control_variates counts each island once, whatever its tokens: take direct, gather "
        "or star");
    refuse_if(topology == "hierarchical" && r_.islands.sites.empty(), {"comm.topology", "islands"},
              "hierarchical needs to know who is where: islands: [{name: paris, site: europe}, "
              "...]");
  }

  // One error: whatever is wrong, is for one reason.
  void check_all_reduce() {
    const SyncRecipe& sync = r_.sync;
    std::vector<std::string> needs;
    const auto need = [&](bool is_so, const char* key, const char* right, const std::string& here) {
      if (!is_so) needs.push_back(fmt::format("{} {} (here {})", key, right, here));
    };
    need(r_.comm.transport == "nccl", "comm.transport", "nccl", r_.comm.transport);
    need(sync.codec == "fp32", "sync.codec", "fp32", sync.codec);
    need(sync.result_codec == "auto" || sync.result_codec == "fp32", "sync.result_codec",
         "auto or fp32", sync.result_codec);
    need(sync.aggregate == "mean" || sync.aggregate == "uniform", "sync.aggregate",
         "mean or uniform", sync.aggregate);
    need(!sync.control_variates, "sync.control_variates", "false", "true");
    refuse_if(!needs.empty(), {"comm.topology"},
              fmt::format("all_reduce has NCCL add up plain fp32 and needs {}; or take auto",
                          fmt::join(needs, ", ")));
  }

  void check_codecs() {
    const SyncRecipe& sync = r_.sync;
    const Result<const Codec*> codec = find_codec(sync.codec);
    refuse_if(!codec.ok(), {"sync.codec"}, codec.ok() ? "" : codec.status().message());
    const Result<const Codec*> result =
        find_codec(sync.result_codec == "auto" ? "fp32" : sync.result_codec);
    refuse_if(!result.ok(), {"sync.result_codec"},
              result.ok() ? "" : result.status().message() + ", or auto");
    if (!codec.ok() || !result.ok() || !sync.enabled) return;
    refuse_if((*result)->composed(), {"sync.result_codec"},
              fmt::format("{} leaves most of the mean out, and nothing feeds that back; take auto "
                          "or a codec that sends every value",
                          sync.result_codec));
    refuse_if(
        sync.rounding == "stochastic" && !(*codec)->rounds_stochastically(),
        {"sync.rounding", "sync.codec"},
        fmt::format("{} cannot round stochastically; leave sync.rounding at nearest", sync.codec));
    const bool asks = sync.result_codec != "auto" && sync.result_codec != "fp32";
    const bool asynchronous = r_.outer.optimizer == "delayed_nesterov";
    warn_if(asks && asynchronous, {"sync.result_codec"},
            "has no effect: asynchronous islands' changes are handed on as they are");
    warn_if(
        asks && !asynchronous && gathers(**codec, **result), {"sync.result_codec"},
        "has no effect: with topology gather, which auto takes where it moves fewer bytes, every "
        "island averages for itself, and no result is sent");
    check_feedback(**codec);
    check_low_rank();
  }

  bool gathers(const Codec& codec, const Codec& result) const {
    if (r_.comm.topology != "auto") return r_.comm.topology == "gather";
    return choose_collective(r_.islands.names.size(), codec, result) == "gather";
  }

  void check_low_rank() {
    const SyncRecipe& sync = r_.sync;
    const bool on = sync.enabled && sync.low_rank.rank > 0;
    for (const char* key :
         {"sync.low_rank.adaptive", "sync.low_rank.least", "sync.low_rank.lost_energy"})
      warn_if(!on && is_changed(key), {key}, "has no effect: sync.low_rank.rank is 0");
    if (!on) return;
    for (const char* key : {"sync.low_rank.least", "sync.low_rank.lost_energy"})
      warn_if(!sync.low_rank.adaptive && is_changed(key), {key},
              "has no effect: sync.low_rank.adaptive is false");
    refuse_if(sync.low_rank.least > sync.low_rank.rank,
              {"sync.low_rank.least", "sync.low_rank.rank"},
              fmt::format("sync.low_rank.least ({}) is more than sync.low_rank.rank ({})",
                          sync.low_rank.least, sync.low_rank.rank));
    const std::string& outer = r_.outer.optimizer;
    const auto refuse = [&](bool wrong, const char* key, const char* what) {
      refuse_if(wrong, {"sync.low_rank.rank", key},
                fmt::format("factors can only be averaged, so low_rank {}", what));
    };
    refuse(sync.aggregate != "mean" && sync.aggregate != "uniform", "sync.aggregate",
           "needs sync.aggregate mean or uniform");
    refuse(outer == "noloco" || outer == "delayed_nesterov", "outer.optimizer",
           "needs rounds that all islands share");
    refuse(sync.eager, "sync.eager", "does not go together with eager updates");
    refuse(sync.control_variates, "sync.control_variates",
           "does not go together with control variates");
    refuse(sync.error_feedback > 0 && sync.feedback == "econtrol", "sync.feedback",
           "needs sync.feedback residual");
    warn_if(sync.error_feedback == 0, {"sync.low_rank.rank", "sync.error_feedback"},
            "what the factors leave out is lost for good; set sync.error_feedback to 0.9 or more");
  }

  void check_feedback(const Codec& codec) {
    const SyncRecipe& sync = r_.sync;
    const bool on = sync.error_feedback > 0;
    warn_if(on && codec.lossless() && sync.low_rank.rank == 0, {"sync.error_feedback"},
            fmt::format("has no effect: {} loses nothing", sync.codec));
    warn_if(!on && is_changed("sync.feedback"), {"sync.feedback"},
            "has no effect: sync.error_feedback is 0");
    const bool coarse =
        codec.composed() || (bits_per_value(codec) < 3 && sync.rounding == "nearest");
    warn_if(!on && coarse, {"sync.codec", "sync.error_feedback"},
            fmt::format("{} loses most of every change for good; set sync.error_feedback to 0.9 "
                        "or more",
                        sync.codec));
    refuse_if(on && r_.outer.optimizer == "noloco", {"sync.error_feedback", "outer.optimizer"},
              "noloco's islands send parameters, of which nothing may be fed back; make it 0");
    if (!on || sync.feedback != "econtrol") return;
    refuse_if(
        sync.aggregate != "uniform", {"sync.feedback", "sync.aggregate"},
        fmt::format("econtrol needs every island to count alike; make sync.aggregate uniform, "
                    "not {}",
                    sync.aggregate));
    refuse_if(sync.result_codec != "auto" && sync.result_codec != "fp32",
              {"sync.feedback", "sync.result_codec"},
              fmt::format("econtrol needs the mean as it is; make sync.result_codec fp32 or auto, "
                          "not {}",
                          sync.result_codec));
    refuse_if(sync.eager, {"sync.feedback", "sync.eager"},
              "econtrol does not go together with eager updates; leave one of the two out");
    refuse_if(r_.outer.optimizer == "delayed_nesterov", {"sync.feedback", "outer.optimizer"},
              "econtrol needs rounds that all islands share; delayed_nesterov has none");
  }

  void check_schedule() {
    const SyncRecipe& sync = r_.sync;
    const auto fragments = sync.fragment_names.empty()
                               ? sync.fragments
                               : static_cast<std::int64_t>(sync.fragment_names.size());
    refuse_if(
        fragments > sync.every, {"sync.fragments", "sync.fragment_names", "sync.every"},
        fmt::format("{} fragments do not fit into sync.every ({}) inner steps; each has one of "
                    "its own to meet at",
                    fragments, sync.every));
    refuse_if(
        sync.delay > sync.every, {"sync.delay", "sync.every"},
        fmt::format("sync.delay ({}) is more than sync.every ({}), one round late; at most that",
                    sync.delay, sync.every));
    refuse_if(
        sync.eager && sync.delay != sync.every, {"sync.eager", "sync.delay", "sync.every"},
        fmt::format("eager updates are made while a whole round is under way; make sync.delay "
                    "({}) equal to sync.every ({})",
                    sync.delay, sync.every));
    refuse_if(sync.eager && sync.merge != "mix", {"sync.merge", "sync.eager"},
              "eager updates set the islands' parameters themselves; leave merge at mix");
    warn_if(sync.eager && sync.alpha != 0, {"sync.alpha"},
            "has no effect: eager updates set the islands' parameters themselves");
    warn_if(sync.merge == "carry" && is_changed("sync.alpha") && sync.alpha != 0, {"sync.alpha"},
            "has no effect: it is mix's, and sync.merge is carry");
    warn_if(!sync.fragment_names.empty() && is_changed("sync.fragments"), {"sync.fragments"},
            "has no effect: sync.fragment_names has one entry a fragment");
    warn_if(is_changed("sync.pattern") && (fragments == 1 || !sync.fragment_names.empty()),
            {"sync.pattern"},
            fragments == 1 ? "has no effect: there is one fragment"
                           : "has no effect: sync.fragment_names says how to cut");
    const std::string& outer = r_.outer.optimizer;
    refuse_if(
        sync.eager && outer != "sgd" && outer != "nesterov" && outer != "heavy_ball",
        {"sync.eager", "outer.optimizer"},
        fmt::format("eager needs an outer rule that is linear: sgd, nesterov or heavy_ball, not {}",
                    outer));
    refuse_if(sync.eager && r_.outer.schedule.kind != "constant",
              {"sync.eager", "outer.schedule.kind"},
              "eager needs a constant outer learning rate; leave outer.schedule out");
    refuse_if(
        sync.eager && sync.aggregate != "mean" && sync.aggregate != "uniform",
        {"sync.aggregate", "sync.eager"},
        fmt::format("eager needs to know an island's part of the mean beforehand; take mean or "
                    "uniform, not {}",
                    sync.aggregate));
    check_gossip();
    check_asynchronous();
  }

  void check_asynchronous() {
    if (r_.outer.optimizer != "delayed_nesterov") return;
    const SyncRecipe& sync = r_.sync;
    const auto refuse = [&](bool wrong, const char* key, const char* what) {
      refuse_if(wrong, {key, "outer.optimizer"},
                fmt::format("delayed_nesterov is asynchronous: {}", what));
    };
    refuse(sync.fragments != 1 || !sync.fragment_names.empty(), "sync.fragments",
           "islands send the whole model when they are ready; make sync.fragments 1");
    refuse_if(
        r_.outer.early_momentum * static_cast<double>(r_.islands.names.size()) > 1,
        {"outer.early_momentum", "islands"},
        fmt::format("outer.early_momentum is {}; with {} islands it is at most 1/{}",
                    r_.outer.early_momentum, r_.islands.names.size(), r_.islands.names.size()));
    refuse(sync.delay != 0, "sync.delay", "nothing is waited for; make sync.delay 0");
    refuse(sync.aggregate != "mean", "sync.aggregate", "nothing is averaged; leave it at mean");
    refuse(sync.control_variates, "sync.control_variates",
           "there is no common round to share them in");
    refuse(sync.proximal != 0, "sync.proximal", "it has no FedProx term; make it 0");
    warn_if(is_changed("comm.topology"), {"comm.topology"},
            "has no effect: asynchronous islands send to all others");
  }

  void check_gossip() {
    const SyncRecipe& sync = r_.sync;
    const bool gossip = r_.outer.optimizer == "noloco";
    refuse_if(
        gossip && sync.aggregate != "mean" && sync.aggregate != "uniform",
        {"sync.aggregate", "outer.optimizer"},
        fmt::format("noloco's islands meet in pairs, whose mean they take; {} is for all together",
                    sync.aggregate));
    warn_if(
        gossip && r_.outer.lr <= r_.outer.momentum, {"outer.momentum", "outer.lr"},
        fmt::format("noloco's pairs drift apart unless outer.lr ({}) is above outer.momentum ({}); "
                    "its authors take 0.7 and 0.5",
                    r_.outer.lr, r_.outer.momentum));
    refuse_if(gossip && sync.delay != 0, {"sync.delay", "outer.optimizer"},
              "noloco's islands meet in pairs at once; make sync.delay 0");
    refuse_if(gossip && sync.control_variates, {"sync.control_variates", "outer.optimizer"},
              "noloco's islands have no common control variate; leave one of the two out");
    refuse_if(
        gossip && sync.codec != "fp32" && sync.codec != "bf16", {"sync.codec", "outer.optimizer"},
        fmt::format("noloco sends the parameters themselves, for which {} is too coarse; take "
                    "fp32 or bf16",
                    sync.codec));
    warn_if(gossip && is_changed("comm.topology") && r_.comm.topology != "auto", {"comm.topology"},
            "has no effect: noloco's islands gossip");
  }

  void check_experiment() {
    const auto& names = r_.islands.names;
    const std::string& liar = r_.experiment.liar;
    refuse_if(!liar.empty() && std::find(names.begin(), names.end(), liar) == names.end(),
              {"experiment.liar"}, fmt::format("there is no island '{}'", liar));
    warn_if(liar.empty() && is_changed("experiment.lie"), {"experiment.lie"},
            "has no effect: experiment.liar names no island");
  }

  void check_train() {
    const TrainRecipe& t = r_.train;
    const auto count = static_cast<std::int64_t>(r_.islands.names.size());
    const auto& names = r_.islands.names;
    refuse_if(std::find(names.begin(), names.end(), "coordinator") != names.end(), {"islands"},
              "an island cannot be called coordinator: logs and messages call the job's own so");
    refuse_if(t.batch < count, {"train.batch", "islands"},
              fmt::format(
                  "a batch of {} sequences does not go round {} islands; give at least one to each",
                  t.batch, count));
    const std::int64_t largest_share = (t.batch + count - 1) / count;
    warn_if(t.micro_batch && *t.micro_batch > largest_share, {"train.micro_batch"},
            fmt::format("has no effect: an island's share of the batch is {}", largest_share));
    refuse_if(t.eval_every > 0 && r_.data.eval_fraction == 0,
              {"train.eval_every", "data.eval_fraction"},
              "nothing is held out to evaluate on (data.eval_fraction is 0); set train.eval_every "
              "to 0 or hold out 0.05, say");
  }

  void check_sample() {
    const SampleRecipe& s = r_.sample;
    refuse_if(s.tokens > 0 && s.prompt.empty(), {"sample.prompt"},
              "is empty; a sample goes on from at least one letter, such as \"The \"");
    refuse_if(r_.model.load.empty() && s.top_k > r_.model.vocab, {"sample.top_k", "model.vocab"},
              fmt::format("sample.top_k ({}) is more than model.vocab ({}); at most as many",
                          s.top_k, r_.model.vocab));
    for (const char* key : {"sample.top_k", "sample.top_p"}) {
      warn_if(s.temperature == 0 && is_set(key), {key},
              "has no effect: at temperature 0 the likeliest token is taken");
    }
    for (const char* key : {"sample.prompt", "sample.tokens"}) {
      warn_if(!may_be_text() && is_set(key), {key},
              "has no effect: only text has a tokenizer, so there is no sample");
    }
  }

  bool may_be_text() const { return r_.data.format == "text" || r_.data.format == "auto"; }

  Recipe& r_;
  LoadedRecipe& loaded_;
  Problems& problems_;
};

}  // namespace

void check_recipe(LoadedRecipe& loaded, Problems& problems) {
  Checker(loaded, problems).run();
}

}  // namespace outrigger
