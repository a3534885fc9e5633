#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <outrigger/comm/codec/codec.h>
#include <outrigger/comm/names.h>

namespace outrigger {

// Error feedback: what an encoding lost, e, comes back in the next one. Per island and private.
//
// "residual" (Seide et al. 2014; Karimireddy et al., arXiv 1901.09847; with decay: SparseLoCo,
// arXiv 2508.15706):
//   v = Delta + beta e;  s = decode(encode(v));  e <- v - s
// and the outer step takes the mean of s. At beta = 1 what was sent and e add up to all Deltas.
//
// "econtrol" (EControl, Gao, Islamov, Stich, arXiv 2311.05645, Algorithm 2; beta is its eta): every
// island also keeps an estimate h_i of its pseudo-gradient, and all islands their mean h:
//   v = Delta + beta e - h_i;  s = decode(encode(v));  h_i <- h_i + s;  e <- e + Delta - h_i (new)
//   g = h + mean of s;  h <- g
// Only differences travel, so less is lost; and what comes back is damped without being forgotten.
// h is the mean of the h_i only if the mean of s arrives as it is and every island counts alike:
// it needs result codec fp32 and the aggregation rule uniform.

struct FeedbackOptions {
  double decay = 0;               // beta, 0 to 1; 0: no feedback
  std::string rule = "residual";  // or econtrol
  bool on() const { return decay > 0; }
  bool econtrol() const { return on() && rule == "econtrol"; }
};

// values += beta residual.
void add_residual(std::span<float> values, std::span<const float> residual, double beta);

// EControl, before the encoding: values -= estimate.
void subtract_estimate(std::span<float> values, std::span<const float> estimate);

// EControl, once the round is settled: lost = v - s becomes e (new) = lost + (1 - beta) e, and
// estimate takes in s, the decoded contribution.
void take_in(std::span<float> lost, std::span<const float> residual, double beta,
             std::span<const float> sent, std::span<float> estimate);

// EControl, in the outer step: g, the mean of s over `included` of `islands` islands, becomes h + g
// included / islands, and so does `estimate`, h. Who is left out keeps its h_i.
void add_estimate(std::span<float> g, std::span<float> estimate, std::size_t included,
                  std::size_t islands);

// The seeds of stochastic rounding: of an island's contribution to a round, and of its result.
std::uint64_t contribution_seed(std::uint64_t seed, RoundId round, std::uint32_t island);
std::uint64_t result_seed(std::uint64_t seed, RoundId round);

}  // namespace outrigger
