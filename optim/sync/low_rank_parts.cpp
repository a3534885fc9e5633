#include <outrigger/optim/sync/low_rank_parts.h>

#include <cassert>

#include <outrigger/comm/codec/driver.h>

namespace outrigger {
namespace {

LowRankPart part_of(const Shape& shape, std::size_t most_rank) {
  LowRankPart part;
  part.columns = 1;
  for (std::size_t d = 0; d < shape.size(); ++d)
    (d == 0 ? part.rows : part.columns) *= static_cast<std::size_t>(shape[d]);
  part.factored = part.elements() > 0 &&
                  kLowRankSaving * most_rank * (part.rows + part.columns) <= part.elements();
  if (!part.factored) {
    part.columns = part.elements();
    part.rows = 1;
  }
  return part;
}

}  // namespace

LowRankParts low_rank_parts(std::span<const Shape> shapes, std::size_t most_rank,
                            std::size_t rank) {
  assert(1 <= rank && rank <= most_rank);
  LowRankParts all;
  std::size_t elements = 0, plain = 0;
  for (const Shape& shape : shapes) {
    LowRankPart part = part_of(shape, most_rank);
    part.begin = elements;
    elements = part.end();
    if (part.factored) {
      part.first = all.first_elements;
      part.second = all.factor_elements;
      all.first_elements += part.rows * rank;
      all.factor_elements += part.columns * rank;
    } else {
      part.second = plain;
      plain += part.elements();
    }
    all.parts.push_back(part);
  }
  const std::size_t border = (all.factor_elements + kDriverBlock - 1) / kDriverBlock * kDriverBlock;
  for (LowRankPart& part : all.parts)
    if (!part.factored) part.second += border;
  all.second_elements = plain > 0 ? border + plain : all.factor_elements;
  return all;
}

}  // namespace outrigger
