#include <outrigger/optim/sync/payload.h>

#include <algorithm>
#include <vector>

#include <outrigger/optim/aggregate/mean.h>

namespace outrigger {
namespace {

class PartsReducer final : public Reducer {
 public:
  PartsReducer(std::shared_ptr<const Reducer> first, std::size_t elements)
      : first_(std::move(first)), elements_(elements) {}
  // A block is of one part: the second begins on a border of blocks.
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    if (reduction.offset >= elements_) return mean_.reduce(reduction, inputs, out);
    const std::size_t count = std::min(out.size(), elements_ - reduction.offset);
    std::vector<std::span<const float>> firsts;
    for (const std::span<const float> input : inputs) firsts.push_back(input.first(count));
    first_->reduce(reduction, firsts, out.first(count));
    std::ranges::fill(out.subspan(count), 0.0F);
  }

 private:
  std::shared_ptr<const Reducer> first_;
  MeanReducer mean_{/*uniform=*/true};
  std::size_t elements_;
};

}  // namespace

std::shared_ptr<const Reducer> Payload::reducer(std::shared_ptr<const Reducer> first) const {
  if (!two_) return first;
  return std::make_shared<PartsReducer>(std::move(first), part_);
}

}  // namespace outrigger
