#include <outrigger/optim/sync/payload.h>

#include <algorithm>
#include <vector>

#include <outrigger/optim/aggregate/mean.h>

namespace outrigger {
namespace {

class PartsReducer final : public Reducer {
 public:
  PartsReducer(std::shared_ptr<const Reducer> first, std::size_t elements, std::size_t second)
      : first_(std::move(first)), elements_(elements), second_(second) {}
  // A tile is of one part, or of the gap: the second part begins on a border of tiles.
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    if (reduction.offset >= second_) return mean_.reduce(reduction, inputs, out);
    const std::size_t count =
        std::min(out.size(), elements_ - std::min(elements_, reduction.offset));
    std::vector<std::span<const float>> firsts;
    for (const std::span<const float> input : inputs) firsts.push_back(input.first(count));
    if (count > 0) first_->reduce(reduction, firsts, out.first(count));
    std::ranges::fill(out.subspan(count), 0.0F);
  }

 private:
  std::shared_ptr<const Reducer> first_;
  MeanReducer mean_{/*uniform=*/true};
  std::size_t elements_, second_;
};

}  // namespace

std::shared_ptr<const Reducer> Payload::reducer(std::shared_ptr<const Reducer> first) const {
  if (!two_) return first;
  return std::make_shared<PartsReducer>(std::move(first), part_, second());
}

}  // namespace outrigger
