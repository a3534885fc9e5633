#include <outrigger/optim/inner/inner_optimizer.h>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace outrigger {
namespace {

std::string describe(const at::Tensor& tensor) {
  return fmt::format("{} [{}]", c10::toString(tensor.scalar_type()),
                     fmt::join(tensor.sizes(), ", "));
}

}  // namespace

Status InnerOptimizer::load_state(const NamedTensors& from) {
  std::map<std::string_view, const at::Tensor*> given;
  for (const NamedTensor& entry : from) given[entry.name] = &entry.tensor;
  const NamedTensors own = state();
  for (const NamedTensor& entry : own) {
    const auto found = given.find(entry.name);
    if (found == given.end())
      return {Code::kFailedPrecondition,
              fmt::format("the saved state of optimizer {} lacks '{}'", name(), entry.name)};
    const at::Tensor& saved = *found->second;
    if (saved.sizes() != entry.tensor.sizes() || saved.scalar_type() != entry.tensor.scalar_type())
      return {Code::kFailedPrecondition,
              fmt::format("'{}' is saved as {}, but optimizer {} of this model has {}", entry.name,
                          describe(saved), name(), describe(entry.tensor))};
  }
  if (given.size() != own.size()) {
    for (const NamedTensor& entry : own) given.erase(entry.name);
    return {Code::kFailedPrecondition,
            fmt::format("the saved state has '{}', which optimizer {} of this model has not",
                        given.begin()->first, name())};
  }
  const c10::NoGradGuard no_grad;
  for (const NamedTensor& entry : own) at::Tensor(entry.tensor).copy_(*given.at(entry.name));
  return {};
}

void InnerOptimizer::reset_moments() {
  const c10::NoGradGuard no_grad;
  for (NamedTensor& entry : state()) entry.tensor.zero_();
}

void InnerOptimizer::zero_grad() {
  for (NamedTensor& entry : parameters_) entry.tensor.mutable_grad().reset();
}

}  // namespace outrigger
