#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

void Checker::check_sync() {
  const SyncRecipe& sync = r_.sync;
  warn_if(!sync.enabled, {"sync.enabled"},
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

void Checker::check_topology() {
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
  refuse(r_.sync.control_variates, "sync.control_variates",
         "sync.control_variates counts each island once, whatever its tokens: take direct, gather "
         "or star");
  refuse_if(topology == "hierarchical" && r_.islands.sites.empty(), {"comm.topology", "islands"},
            "hierarchical needs to know who is where: islands: [{name: paris, site: europe}, "
            "...]");
}

void Checker::check_all_reduce() {
  const SyncRecipe& sync = r_.sync;
  std::vector<std::string> needs;
  const auto need = [&](bool is_so, const char* key, const char* right, const std::string& here) {
    if (!is_so && !problems_.bad_keys.contains(key))
      needs.push_back(fmt::format("{} {} (here {})", key, right, here));
  };
  need(r_.comm.transport == "nccl", "comm.transport", "nccl", r_.comm.transport);
  need(sync.codec == "fp32", "sync.codec", "fp32", sync.codec);
  need(sync.result_codec == "auto" || sync.result_codec == "fp32", "sync.result_codec",
       "auto or fp32", sync.result_codec);
  need(sync.aggregate == "mean" || sync.aggregate == "uniform", "sync.aggregate", "mean or uniform",
       sync.aggregate);
  need(!sync.control_variates, "sync.control_variates", "false", "true");
  refuse_if(!needs.empty(), {"comm.topology"},
            fmt::format("all_reduce has NCCL add up plain fp32 and needs {}; or take auto",
                        fmt::join(needs, ", ")));
}

void Checker::check_schedule() {
  const SyncRecipe& sync = r_.sync;
  const auto fragments = sync.fragment_names.empty()
                             ? sync.fragments
                             : static_cast<std::int64_t>(sync.fragment_names.size());
  refuse_if(fragments > sync.every, {"sync.fragments", "sync.fragment_names", "sync.every"},
            fmt::format("{} fragments do not fit into sync.every ({}) inner steps; each has one of "
                        "its own to meet at",
                        fragments, sync.every));
  refuse_if(
      sync.delay > sync.every, {"sync.delay", "sync.every"},
      fmt::format("sync.delay ({}) is more than sync.every ({}), one round late; at most that",
                  sync.delay, sync.every));
  refuse_if(sync.eager && sync.delay != sync.every, {"sync.eager", "sync.delay", "sync.every"},
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
  refuse_if(sync.eager && sync.aggregate != "mean" && sync.aggregate != "uniform",
            {"sync.aggregate", "sync.eager"},
            fmt::format("eager needs to know an island's part of the mean beforehand; take mean or "
                        "uniform, not {}",
                        sync.aggregate));
  check_gossip();
  check_asynchronous();
}

}  // namespace outrigger
