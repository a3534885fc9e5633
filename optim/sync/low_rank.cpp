// LowRank: the two payloads and what is made of them.
#include <outrigger/optim/sync/low_rank.h>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cassert>

#include <outrigger/optim/sync/orthonormal.h>

namespace outrigger {
namespace {

// A view of a row-major matrix.
at::Tensor matrix(std::span<const float> values, std::size_t rows, std::size_t columns) {
  assert(values.size() == rows * columns);
  return at::from_blob(const_cast<float*>(values.data()),
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
}

// out[j] <- sum over k of row[k * stride] * factor[k * columns + j], from the first k on. Four
// products a pass: the sums would else be read and written for every single one.
void product_row(const float* row, std::size_t stride, const float* factor, std::size_t columns,
                 std::size_t rank, std::span<float> out) {
  std::ranges::fill(out, 0.0F);
  float* const sums = out.data();
  std::size_t k = 0;
  for (; k + 4 <= rank; k += 4) {
    const float a = row[k * stride], b = row[(k + 1) * stride];
    const float c = row[(k + 2) * stride], d = row[(k + 3) * stride];
    const float* const w = factor + k * columns;
    const float *const x = w + columns, *const y = x + columns, *const z = y + columns;
    for (std::size_t j = 0; j < out.size(); ++j)
      sums[j] = (((sums[j] + a * w[j]) + b * x[j]) + c * y[j]) + d * z[j];
  }
  for (; k < rank; ++k) {
    const float a = row[k * stride];
    const float* const w = factor + k * columns;
    for (std::size_t j = 0; j < out.size(); ++j) sums[j] += a * w[j];
  }
}

}  // namespace

LowRank::LowRank(std::span<const Shape> shapes, std::size_t most_rank, std::size_t rank)
    : layout_(low_rank_parts(shapes, most_rank, rank)), rank_(rank) {}

void LowRank::first_payload(std::span<const float> values, std::span<const float> warm,
                            std::span<float> out) const {
  assert(values.size() == elements() && warm.size() == warm_elements());
  assert(out.size() == first_elements());
  for (const LowRankPart& part : parts()) {
    if (!part.factored) continue;
    const at::Tensor m =
        matrix(values.subspan(part.begin, part.elements()), part.rows, part.columns);
    const at::Tensor q =
        matrix(warm.subspan(part.second, rank_ * part.columns), rank_, part.columns);
    at::Tensor p = matrix(out.subspan(part.first, rank_ * part.rows), rank_, part.rows);
    at::mm_out(p, q, m.t());
  }
}

void LowRank::second_payload(std::span<const float> values, std::span<const float> basis,
                             std::span<float> out) const {
  assert(values.size() == elements() && basis.size() == first_elements());
  assert(out.size() == second_elements());
  std::ranges::fill(out.subspan(warm_elements()), 0.0F);
  for (const LowRankPart& part : parts()) {
    const std::span<const float> own = values.subspan(part.begin, part.elements());
    if (!part.factored) {
      std::ranges::copy(own, out.subspan(part.second).begin());
      continue;
    }
    const at::Tensor m = matrix(own, part.rows, part.columns);
    const at::Tensor b = matrix(basis.subspan(part.first, rank_ * part.rows), rank_, part.rows);
    at::Tensor f = matrix(out.subspan(part.second, rank_ * part.columns), rank_, part.columns);
    at::mm_out(f, b, m);
  }
}

void LowRank::make_basis(std::span<float> first_result) const {
  assert(first_result.size() == first_elements());
  for (const LowRankPart& part : parts())
    if (part.factored)
      orthonormalise(first_result.subspan(part.first, rank_ * part.rows), part.rows);
}

void LowRank::reconstruct(std::span<const float> basis, std::span<const float> second,
                          std::size_t offset, std::span<float> out) const {
  assert(basis.size() == first_elements() && second.size() == second_elements());
  assert(offset + out.size() <= elements());
  const std::size_t end = offset + out.size();
  auto part = std::ranges::partition_point(
      parts(), [offset](const LowRankPart& p) { return p.end() <= offset; });
  for (std::size_t at = offset; at < end; ++part) {
    for (const std::size_t stop = std::min(part->end(), end); at < stop;) {
      const std::size_t row = (at - part->begin) / part->columns;
      const std::size_t column = (at - part->begin) % part->columns;
      const std::size_t count = std::min(part->columns - column, stop - at);
      const std::span<float> values = out.subspan(at - offset, count);
      const std::span<const float> from = second.subspan(part->second + column);
      if (part->factored)
        product_row(basis.data() + part->first + row, part->rows, from.data(), part->columns, rank_,
                    values);
      else
        std::ranges::copy(from.first(count), values.begin());
      at += count;
    }
  }
}

}  // namespace outrigger
