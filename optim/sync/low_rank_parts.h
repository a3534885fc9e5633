#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace outrigger {

using Shape = std::vector<std::int64_t>;

// Factors must be so much smaller than the matrix: two rounds and the products are not worth less.
inline constexpr std::size_t kLowRankSaving = 2;

// One tensor of a fragment, as low-rank compression (low_rank.h) sees it: a matrix of size(0) times
// all the rest, row by row, that is sent as two factors; or values sent as they are, as one row.
struct LowRankPart {
  bool factored = false;
  std::size_t rows = 1;
  std::size_t columns = 0;
  std::size_t begin = 0;   // in the fragment
  std::size_t first = 0;   // of its rows * rank values in the first payload; factored only
  std::size_t second = 0;  // of its columns * rank values, or of all its values, in the second

  std::size_t elements() const { return rows * columns; }
  std::size_t end() const { return begin + elements(); }
};

// A fragment's tensors, in its order.
struct LowRankParts {
  std::vector<LowRankPart> parts;
  std::size_t first_elements = 0;
  std::size_t factor_elements = 0;  // how many of the second payload's values are factors
  std::size_t second_elements = 0;
};

// A tensor is factored if kLowRankSaving * most_rank * (rows + columns) <= rows * columns, which no
// tensor of one dimension is. That goes by the recipe's rank, not by the present one, so which
// tensors are factored never changes.
//
// In either payload the factors come first, in the fragment's order. In the second, the values sent
// as they are follow from the next border of the driver's blocks on (the gap is zeros): no block of
// a codec then shares a scale between the two. REQUIRES: 1 <= rank <= most_rank; sizes >= 0.
LowRankParts low_rank_parts(std::span<const Shape> shapes, std::size_t most_rank, std::size_t rank);

}  // namespace outrigger
