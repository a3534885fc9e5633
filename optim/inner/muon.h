#pragma once

#include <outrigger/optim/inner/adamw.h>

namespace outrigger {

// Muon on hidden matrices (is_hidden_matrix), AdamW on everything else. For a matrix W of
// [fan_out, fan_in], with an fp32 momentum m from 0 and U = newton_schulz(m):
//   m <- momentum m + g
//   W <- W * (1 - lr * weight_decay);   W <- W - lr * scale * U
// scale is sqrt(fan_out / fan_in) (`spectral_norm`) or 0.2 sqrt(max(fan_out, fan_in)) (`rms_norm`,
// whose steps are about as long as AdamW's). With `nesterov` U is newton_schulz(g + momentum m), as
// in the original Muon. AdamW steps with lr * adamw_lr. The momentum stays with its island across
// rounds. State: "<matrix>.momentum", then AdamW's of the rest. Source: MuLoCo, arXiv 2505.23725,
// and its code (dion_optimizer/muon.py).
class Muon final : public InnerOptimizer {
 public:
  Muon(NamedTensors parameters, const InnerOptions& options);

  std::string_view name() const override { return "muon"; }
  void step(double lr) override;
  NamedTensors state() const override;

 private:
  InnerOptions options_;
  NamedTensors hidden_;
  std::vector<at::Tensor> momentum_;  // one a hidden matrix
  AdamW rest_;
};

}  // namespace outrigger
