#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

namespace outrigger {

void Checker::check_outer() {
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
  warn_if(name != "delayed_nesterov" && outer.early_momentum != 0, {"outer.early_momentum"},
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

void Checker::check_aggregate() {
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

void Checker::check_asynchronous() {
  if (r_.outer.optimizer != "delayed_nesterov") return;
  const SyncRecipe& sync = r_.sync;
  const auto refuse = [&](bool wrong, const char* key, const char* what) {
    refuse_if(wrong, {key, "outer.optimizer"},
              fmt::format("delayed_nesterov is asynchronous: {}", what));
  };
  refuse(sync.fragments != 1 || !sync.fragment_names.empty(), "sync.fragments",
         "islands send the whole model when they are ready; make sync.fragments 1");
  refuse_if(r_.outer.early_momentum * static_cast<double>(r_.islands.names.size()) > 1,
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

void Checker::check_gossip() {
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
  refuse_if(gossip && sync.codec != "fp32" && sync.codec != "bf16",
            {"sync.codec", "outer.optimizer"},
            fmt::format("noloco sends the parameters themselves, for which {} is too coarse; take "
                        "fp32 or bf16",
                        sync.codec));
  warn_if(gossip && is_changed("comm.topology") && r_.comm.topology != "auto", {"comm.topology"},
          "has no effect: noloco's islands gossip");
}

}  // namespace outrigger
