#include <cmath>
#include <random>

#include <outrigger/optim/sync/tensor_norms.h>

#include "support/catch.h"

namespace outrigger {
namespace {

// Mutation: in TensorNorms::add leave out `offset += piece.size()`.
TEST_CASE("the norms of a fragment and its tensors, whatever blocks the values come in") {
  const Borders borders = {0, 3, 3, 1000, 1017};
  std::vector<float> values(1030);
  std::mt19937 random(3);
  for (float& value : values) value = static_cast<float>(random() % 1000) / 100.0F;
  std::vector<double> expected(5, 0.0);
  for (std::size_t t = 0; t + 1 < borders.size(); ++t)
    for (std::size_t i = borders[t]; i < borders[t + 1]; ++i) {
      expected[1 + t] += double{values[i]} * double{values[i]};
      expected[0] += double{values[i]} * double{values[i]};
    }
  for (const std::size_t block : {1, 64, 500, 2000}) {
    TensorNorms norms(borders);
    for (std::size_t offset = 0; offset < values.size(); offset += block)
      norms.add(offset, std::span(values).subspan(offset, std::min(block, values.size() - offset)));
    const std::vector<double> all = norms.norms();
    REQUIRE(all.size() == 5);
    for (std::size_t k = 0; k < 5; ++k)
      CHECK(all[k] == Approx(std::sqrt(expected[k])).epsilon(1e-12));
  }
}

}  // namespace
}  // namespace outrigger
