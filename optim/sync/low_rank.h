#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <outrigger/optim/sync/low_rank_parts.h>

namespace outrigger {

// Low-rank compression of a fragment's pseudo-gradient: PowerSGD (Vogels, Karimireddy, Jaggi,
// arXiv 1905.13727, Algorithm 1 and section 3), as DiLoCoX (arXiv 2506.21263) uses it between
// islands. One outer round takes two exchanges. For each factored m x n matrix M of an island's
// values (pseudo-gradient and residual), and the warm start Q (n x r), equal on every island:
//
//   1. each sends P = M Q;    their mean is made orthonormal: the basis B (m x r)
//   2. each sends F = M^T B;  the update is B mean(F)^T, and mean(F) the next warm start
//
// The factors travel through any codec; what is used is what was decoded. An island's own part of
// the update is B decode(own F)^T, and M less that is its residual. The first exchange only picks
// the basis: all that counts as contributed travels in the second, also the tensors that are not
// factored, so one round's contributors decide what was taken. Unlike the paper's, the warm start
// has columns of length 1: P's are then of the size of singular values, not of their squares.
//
// The payloads hold a factor column by column (P^T and F^T, row by row), so a codec's block has
// values of one size. Where they lie: low_rank_parts.h. Sizes in REQUIRES are asserted. Stateless:
// Q, B, the rank and the residual are the caller's.
class LowRank {
 public:
  // `rank`: of now; `most_rank`: the recipe's, which decides what is factored.
  // REQUIRES: 1 <= rank <= most_rank.
  LowRank(std::span<const Shape> shapes, std::size_t most_rank, std::size_t rank);

  std::size_t rank() const { return rank_; }
  const std::vector<LowRankPart>& parts() const { return layout_.parts; }
  std::size_t elements() const { return parts().empty() ? 0 : parts().back().end(); }
  // Of P and B. 0 if nothing is factored: then there is no first exchange.
  std::size_t first_elements() const { return layout_.first_elements; }
  std::size_t second_elements() const { return layout_.second_elements; }
  // Of the warm start, which lies like the factors in the second payload.
  std::size_t warm_elements() const { return layout_.factor_elements; }

  // An island's own messages, for which no equal bits are promised. Values that are not finite give
  // payloads that are not. REQUIRES: spans of elements(), warm_elements(), first_elements(), and
  // of elements(), first_elements(), second_elements().
  void first_payload(std::span<const float> values, std::span<const float> warm,
                     std::span<float> out) const;
  void second_payload(std::span<const float> values, std::span<const float> basis,
                      std::span<float> out) const;

  // From here on: the same bits on every machine.

  // The mean of the first payloads becomes the basis, in place (orthonormal.h).
  void make_basis(std::span<float> first_result) const;

  // Elements [offset, offset + out.size()) of the fragment: of the update, with the mean of the
  // second payloads, or of an island's own part of it, with its own, as decoded. A factored value
  // is the sum of rank() fp32 products, in fp32, from the first column on: the same bits whatever
  // the borders.
  void reconstruct(std::span<const float> basis, std::span<const float> second, std::size_t offset,
                   std::span<float> out) const;

  // What fresh columns of a warm start are drawn from: never the same twice in a run.
  struct Seed {
    std::uint32_t fragment = 0;
    std::uint64_t round = 0;
  };
  // The warm start of the first round: random columns of length 1.
  void first_warm(const Seed& seed, std::span<float> warm) const;

  // The warm start after a round with `second_result` as the mean of the second payloads, for
  // `next`, which differs in the rank only: the columns by falling energy (their squared length),
  // next.rank() of them, each scaled to length 1. Missing columns and columns of zeros, which would
  // stay zeros for ever, are drawn afresh.
  void next_warm(std::span<const float> second_result, const Seed& seed, const LowRank& next,
                 std::span<float> warm) const;

  // The least number of columns, in every matrix its own largest, that hold `kept` of the energy of
  // all matrices together; 0 if that energy is 0. The basis is orthonormal, so a column's energy is
  // the update's along one direction of it; that is no squared singular value until the warm starts
  // have converged, and before that the number is too large rather than too small.
  std::size_t effective_rank(std::span<const float> second_result, double kept) const;

 private:
  LowRankParts layout_;
  std::size_t rank_;
};

}  // namespace outrigger
