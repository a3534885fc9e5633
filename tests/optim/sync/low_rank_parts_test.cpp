#include <outrigger/comm/codec/driver.h>
#include <outrigger/optim/sync/low_rank_parts.h>

#include "optim/sync/low_rank_samples.h"
#include "support/catch.h"

namespace outrigger::low_rank_parts_test {

// Mutations: leave out `part.elements() > 0`; kLowRankSaving = 1; `d + 1 == shape.size()` for
// `d == 0`.
TEST_CASE("matrices worth it are factored: of two dimensions or more, at half the values") {
  const auto factored = [](const Shape& shape, std::size_t rank) {
    const std::vector<Shape> shapes = {shape};
    return low_rank_parts(shapes, rank, 1).parts[0].factored;
  };
  CHECK(factored({40, 60}, 12));  // 12 * 100 is half of 2400
  CHECK_FALSE(factored({40, 60}, 13));
  CHECK(factored({60, 40}, 12));
  CHECK_FALSE(factored({2400}, 1));
  CHECK_FALSE(factored({1, 2400}, 1));
  CHECK_FALSE(factored({2400, 1}, 1));
  CHECK_FALSE(factored({}, 1));
  CHECK_FALSE(factored({0, 5}, 1));
  CHECK_FALSE(factored({0, 0}, 1));
  CHECK_FALSE(factored({3, 3}, 1));
  CHECK(factored({24, 4, 3, 3}, 7));  // 24 x 36
  CHECK_FALSE(factored({24, 4, 3, 3}, 8));
}

// Mutations: part.first from factor_elements; no border before what is sent as it is.
TEST_CASE("where the tensors lie in the fragment and in the payloads") {
  const LowRankParts all = low_rank_parts(samples::kShapes, 5, 2);
  REQUIRE(all.parts.size() == 6);
  const auto is = [&](std::size_t t, bool factored, std::vector<std::size_t> numbers) {
    const LowRankPart& part = all.parts[t];
    CHECK(part.factored == factored);
    CHECK(std::vector{part.rows, part.columns, part.begin, part.first, part.second} == numbers);
  };
  is(0, false, {1, 37, 0, 0, kDriverBlock});
  is(1, true, {40, 60, 37, 0, 0});
  is(2, false, {1, 15, 2437, 0, kDriverBlock + 37});
  is(3, false, {1, 1, 2452, 0, kDriverBlock + 52});
  is(4, true, {24, 36, 2453, 80, 120});
  is(5, false, {1, 30, 3317, 0, kDriverBlock + 53});
  CHECK(all.first_elements == 128);
  CHECK(all.factor_elements == 192);
  CHECK(all.second_elements == kDriverBlock + 83);
}

// Mutation: second_elements with the border even if nothing follows it.
TEST_CASE("fragments of one kind of tensor, and of none") {
  const std::vector<Shape> factored = {{40, 60}, {60, 40}};
  CHECK(low_rank_parts(factored, 4, 4).first_elements == 400);
  CHECK(low_rank_parts(factored, 4, 4).second_elements == 400);
  const std::vector<Shape> plain = {{10}, {7}};
  CHECK(low_rank_parts(plain, 4, 4).first_elements == 0);
  CHECK(low_rank_parts(plain, 4, 4).second_elements == 17);
  CHECK(low_rank_parts({}, 4, 4).second_elements == 0);
}

// Mutation: `factored` decided by `rank` in place of `most_rank`.
TEST_CASE("a lower rank makes the factors smaller and factors the same tensors") {
  const LowRank most(samples::kShapes, 10, 10), now(samples::kShapes, 10, 3);
  for (std::size_t t = 0; t < most.parts().size(); ++t)
    CHECK(most.parts()[t].factored == now.parts()[t].factored);
  CHECK_FALSE(now.parts()[4].factored);
  CHECK(most.first_elements() == 400);
  CHECK(now.first_elements() == 120);
  CHECK(now.warm_elements() == 180);
  CHECK(now.elements() == most.elements());
}

}  // namespace outrigger::low_rank_parts_test
