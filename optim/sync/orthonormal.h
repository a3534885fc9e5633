#pragma once

#include <cstddef>
#include <span>

namespace outrigger {

// Small linear algebra whose bits are the same on every machine: fp64 sums in a fixed order, and of
// libm only sqrt. Matrices lie column by column.

// The sum of a[i] * b[i]: eight partial sums, of i mod 8 = 0, 1, ..., added from first to last. An
// order that vectors of any width can keep. REQUIRES: a.size() == b.size().
double ordered_dot(std::span<const float> a, std::span<const float> b);

// Scales to length 1 and returns the length before; a column of zeros stays.
double normalise(std::span<float> column);

// A column of which no more than this part is left, once what earlier columns span is taken out,
// counts as dependent on them. Far above the fp32 rounding of the products that made the columns.
inline constexpr double kDependent = 0x1p-14;

// Makes the columns orthonormal, in place; together they span what they spanned. A dependent column
// becomes zeros: to scale its rest up to length 1 would make a column of rounding noise. Exactly,
// column by column: scaled to length 1; what lies along the columns before it is taken out, one
// after another; zeros if the rest is not longer than kDependent; scaled again; once more all that.
//
// Modified Gram-Schmidt, twice: one pass leaves along earlier columns up to fp32's rounding over
// the length of the rest, 2^-24 / 2^-14, the second only rounding (Giraud, Langou, Rozloznik: The
// loss of orthogonality in the Gram-Schmidt process, 2005). Products of two columns are then below
// 2^-20.
//
// REQUIRES: finite values; columns.size() is a multiple of `rows`.
void orthonormalise(std::span<float> columns, std::size_t rows);

}  // namespace outrigger
