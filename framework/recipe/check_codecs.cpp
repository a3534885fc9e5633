#include <outrigger/framework/recipe/checker.h>

#include <algorithm>

#include <fmt/format.h>

#include <outrigger/comm/collective/collective.h>

namespace outrigger {

void Checker::check_codecs() {
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
  warn_if(asks && !asynchronous && gathers(**codec, **result), {"sync.result_codec"},
          "has no effect: with topology gather, which auto takes where it moves fewer bytes, every "
          "island averages for itself, and no result is sent");
  check_feedback(**codec);
  check_low_rank();
}

bool Checker::gathers(const Codec& codec, const Codec& result) const {
  if (r_.comm.topology != "auto") return r_.comm.topology == "gather";
  return choose_collective(r_.islands.names.size(), codec, result) == "gather";
}

void Checker::check_low_rank() {
  const SyncRecipe& sync = r_.sync;
  const bool on = sync.enabled && sync.low_rank.rank > 0;
  for (const char* key :
       {"sync.low_rank.adaptive", "sync.low_rank.least", "sync.low_rank.lost_energy"})
    warn_if(!on && is_changed(key), {key}, "has no effect: sync.low_rank.rank is 0");
  if (!on) return;
  for (const char* key : {"sync.low_rank.least", "sync.low_rank.lost_energy"})
    warn_if(!sync.low_rank.adaptive && is_changed(key), {key},
            "has no effect: sync.low_rank.adaptive is false");
  refuse_if(sync.low_rank.least > sync.low_rank.rank, {"sync.low_rank.least", "sync.low_rank.rank"},
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

void Checker::check_feedback(const Codec& codec) {
  const SyncRecipe& sync = r_.sync;
  const bool on = sync.error_feedback > 0;
  warn_if(on && codec.lossless() && sync.low_rank.rank == 0, {"sync.error_feedback"},
          fmt::format("has no effect: {} loses nothing", sync.codec));
  warn_if(!on && is_changed("sync.feedback"), {"sync.feedback"},
          "has no effect: sync.error_feedback is 0");
  const bool coarse = codec.composed() || (bits_per_value(codec) < 3 && sync.rounding == "nearest");
  warn_if(!on && coarse, {"sync.codec", "sync.error_feedback"},
          fmt::format("{} loses most of every change for good; set sync.error_feedback to 0.9 "
                      "or more",
                      sync.codec));
  refuse_if(on && r_.outer.optimizer == "noloco", {"sync.error_feedback", "outer.optimizer"},
            "noloco's islands send parameters, of which nothing may be fed back; make it 0");
  if (!on || sync.feedback != "econtrol") return;
  refuse_if(sync.aggregate != "uniform", {"sync.feedback", "sync.aggregate"},
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

}  // namespace outrigger
