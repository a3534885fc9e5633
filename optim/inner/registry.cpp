#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <outrigger/optim/inner/adamw.h>
#include <outrigger/optim/inner/lion.h>
#include <outrigger/optim/inner/muon.h>
#include <outrigger/optim/inner/sgd.h>

namespace outrigger {
namespace {

Status known(const char* what, std::string_view value, const std::vector<std::string_view>& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return {};
  return {Code::kNotFound,
          fmt::format("there is no {} '{}'; there are {}", what, value, fmt::join(names, ", "))};
}

template <class Optimizer>
std::unique_ptr<InnerOptimizer> make(const InnerOptions& options, NamedTensors parameters) {
  return std::make_unique<Optimizer>(std::move(parameters), options);
}

}  // namespace

Result<std::unique_ptr<InnerOptimizer>> make_inner_optimizer(const InnerOptions& options,
                                                             NamedTensors parameters) {
  for (const Status& status :
       {known("inner optimizer", options.optimizer, {"adamw", "sgd", "lion", "muon"}),
        known("decay rule", options.decay, {"all", "matrices"}),
        known("Newton-Schulz iteration", options.newton_schulz, {"muloco", "keller"}),
        known("scale", options.scale, {"spectral_norm", "rms_norm"})})
    if (!status.ok()) return status;
  if (options.optimizer == "sgd") return make<InnerSgd>(options, std::move(parameters));
  if (options.optimizer == "lion") return make<Lion>(options, std::move(parameters));
  if (options.optimizer == "muon") return make<Muon>(options, std::move(parameters));
  return make<AdamW>(options, std::move(parameters));
}

}  // namespace outrigger
