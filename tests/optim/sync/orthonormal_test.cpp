#include <algorithm>
#include <cmath>
#include <random>

#include <outrigger/optim/sync/orthonormal.h>

#include "comm/codec/samples.h"
#include "support/catch.h"

namespace outrigger::orthonormal_test {

// The farthest that a product of two columns is from 0, or of a column with itself from 1.
double defect(const std::vector<float>& columns, std::size_t rows) {
  double worst = 0;
  for (std::size_t a = 0; a < columns.size(); a += rows)
    for (std::size_t b = 0; b <= a; b += rows) {
      double product = 0;
      for (std::size_t i = 0; i < rows; ++i) product += double{columns[a + i]} * columns[b + i];
      worst = std::max(worst, std::fabs(product - (a == b ? 1 : 0)));
    }
  return worst;
}

std::vector<float> column(const std::vector<float>& columns, std::size_t rows, std::size_t k) {
  const auto begin = columns.begin() + static_cast<std::ptrdiff_t>(k * rows);
  return {begin, begin + static_cast<std::ptrdiff_t>(rows)};
}

// Mutation: one pass instead of two (the nearly parallel columns keep 1e-4 of each other).
TEST_CASE("columns become orthonormal, also when they are nearly parallel or of any size") {
  for (const std::size_t rows : {1, 7, 64, 1000}) {
    const std::size_t count = std::min<std::size_t>(rows, 64);
    std::vector<float> columns = samples::deltas(rows * count, rows);
    orthonormalise(columns, rows);
    CHECK(defect(columns, rows) < 0x1p-20);
  }
  std::vector<float> leaning = samples::deltas(500 * 20, 1);
  for (std::size_t i = 500; i < leaning.size(); ++i)
    leaning[i] = leaning[i % 500] + leaning[i] * 0.001F;
  orthonormalise(leaning, 500);
  CHECK(defect(leaning, 500) < 0x1p-20);
  std::vector<float> sizes = samples::deltas(300 * 6, 2);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    sizes[i] *= std::ldexp(1.0F, static_cast<int>(i / 300 * 40) - 110);
  orthonormalise(sizes, 300);
  CHECK(defect(sizes, 300) < 0x1p-20);
}

// Mutation: in take_out add instead of subtract.
TEST_CASE("each column lies in the span of the columns up to it") {
  std::vector<float> columns = {3, 0, 4, 1, 2, 0};
  orthonormalise(columns, 3);
  const std::vector<float> first = {0.6F, 0, 0.8F};
  CHECK(column(columns, 3, 0) == first);
  // (1, 2, 0) less its 0.6 along (0.6, 0, 0.8) is (0.64, 2, -0.48), of length sqrt(4.64).
  CHECK(columns[3] == Approx(0.64 / std::sqrt(4.64)));
  CHECK(columns[4] == Approx(2 / std::sqrt(4.64)));
  CHECK(columns[5] == Approx(-0.48 / std::sqrt(4.64)));
}

// Mutation: kDependent = 0 (the sums' columns become rounding noise of length 1).
TEST_CASE("dependent columns and columns of zeros become zeros, the rest is not touched by them") {
  const std::size_t rows = 200;
  const std::vector<float> a = samples::deltas(rows, 3), b = samples::deltas(rows, 4);
  std::vector<float> columns(rows * 7, 0.0F);
  for (std::size_t i = 0; i < rows; ++i) {
    columns[rows + i] = a[i];
    columns[2 * rows + i] = -3 * a[i];
    columns[3 * rows + i] = b[i];
    columns[4 * rows + i] = a[i] + 0.3F * b[i];
    columns[5 * rows + i] = i == 0 ? 1.0F : 0.0F;
  }
  std::vector<float> three = a;
  three.insert(three.end(), b.begin(), b.end());
  three.insert(three.end(), columns.begin() + 5 * rows, columns.begin() + 6 * rows);
  orthonormalise(columns, rows);
  orthonormalise(three, rows);
  const std::vector<float> zeros(rows, 0.0F);
  for (const std::size_t k : {0, 2, 4, 6}) CHECK(column(columns, rows, k) == zeros);
  CHECK(column(columns, rows, 1) == column(three, rows, 0));
  CHECK(column(columns, rows, 3) == column(three, rows, 1));
  CHECK(column(columns, rows, 5) == column(three, rows, 2));
  CHECK(defect(three, rows) < 0x1p-20);
}

// Mutations: `<` for `<=` in orthonormalise; kDependent = 0x1p-13.
TEST_CASE("the border of dependence is 2^-14 of the column") {
  for (const float rest : {0x1p-14F, 0x1.1p-14F}) {
    std::vector<float> columns = {1, 0, 0, 1, rest, 0};  // of length 1 in fp32
    orthonormalise(columns, 3);
    CHECK(columns[4] == (rest > 0x1p-14F ? 1.0F : 0.0F));
  }
}

// Mutation: kLanes = 4.
TEST_CASE("a sum of products is added in eight partial sums") {
  // Each lane's own sum is exact; 1 is lost beside 2^53 unless it is added in its own lane first.
  std::vector<float> a(16, 0.0F), ones(16, 1.0F);
  a[0] = 0x1p53F;
  a[4] = a[12] = 1;
  CHECK(ordered_dot(a, ones) == 0x1p53 + 2);
  a[8] = 1;
  a[4] = a[12] = 0;
  CHECK(ordered_dot(a, ones) == 0x1p53);
  for (std::size_t count = 0; count < 40; ++count) {
    const std::vector<float> x = samples::deltas(count, count), y = samples::deltas(count, 99);
    long double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += static_cast<long double>(x[i]) * y[i];
    CHECK(ordered_dot(x, y) == Approx(static_cast<double>(sum)).epsilon(1e-13).margin(1e-16));
  }
}

}  // namespace outrigger::orthonormal_test
