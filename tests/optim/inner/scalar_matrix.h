#pragma once

#include <cmath>
#include <vector>

#include <outrigger/optim/inner/newton_schulz.h>

namespace outrigger {

// A matrix of doubles, row by row, to compute by plain loops what the code computes by BLAS.
struct ScalarMatrix {
  std::size_t rows, columns;
  std::vector<double> x;
  double at(std::size_t i, std::size_t j) const { return x[i * columns + j]; }
};

// p X + q L R.
inline ScalarMatrix combine(double p, const ScalarMatrix& x, double q, const ScalarMatrix& l,
                            const ScalarMatrix& r) {
  ScalarMatrix sum{l.rows, r.columns, std::vector<double>(l.rows * r.columns)};
  for (std::size_t i = 0; i < sum.rows; ++i)
    for (std::size_t j = 0; j < sum.columns; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < l.columns; ++k) product += l.at(i, k) * r.at(k, j);
      sum.x[i * sum.columns + j] = p * x.at(i, j) + q * product;
    }
  return sum;
}

inline ScalarMatrix transposed(const ScalarMatrix& m) {
  ScalarMatrix t{m.columns, m.rows, std::vector<double>(m.x.size())};
  for (std::size_t i = 0; i < t.rows; ++i)
    for (std::size_t j = 0; j < t.columns; ++j) t.x[i * t.columns + j] = m.at(j, i);
  return t;
}

// The card's iteration without its transposition, which changes the cost and not the result.
inline ScalarMatrix scalar_newton_schulz(ScalarMatrix x, std::span<const NewtonSchulzStep> steps) {
  double squares = 0;
  for (const double value : x.x) squares += value * value;
  for (double& value : x.x) value /= std::sqrt(squares) + 1e-7;
  for (const NewtonSchulzStep& step : steps) {
    const ScalarMatrix zero{x.rows, x.rows, std::vector<double>(x.rows * x.rows)};
    const ScalarMatrix a = combine(0, zero, 1, x, transposed(x));
    x = combine(step.a, x, 1, combine(step.b, a, step.c, a, a), x);
  }
  return x;
}

}  // namespace outrigger
