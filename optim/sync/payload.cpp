#include <outrigger/optim/sync/payload.h>

#include <outrigger/optim/aggregate/mean.h>

namespace outrigger {
namespace {

class PartsReducer final : public Reducer {
 public:
  PartsReducer(std::shared_ptr<const Reducer> first, std::size_t second)
      : first_(std::move(first)), second_(second) {}
  void reduce(const Reduction& reduction, std::span<const std::span<const float>> inputs,
              std::span<float> out) const override {
    const Reducer& rule = reduction.offset < second_ ? *first_ : mean_;
    rule.reduce(reduction, inputs, out);
  }

 private:
  std::shared_ptr<const Reducer> first_;
  MeanReducer mean_;
  std::size_t second_;
};

}  // namespace

std::shared_ptr<const Reducer> Payload::reducer(std::shared_ptr<const Reducer> first) const {
  if (!two_) return first;
  return std::make_shared<PartsReducer>(std::move(first), second());
}

}  // namespace outrigger
