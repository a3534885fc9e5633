#include <outrigger/optim/sync/fragment.h>

#include <fmt/format.h>

#include <set>

namespace outrigger {
namespace {

Status check_parameter(const NamedTensor& parameter) {
  const at::Tensor& tensor = parameter.tensor;
  if (!tensor.defined() || !tensor.device().is_cpu() || tensor.scalar_type() != at::kFloat ||
      !tensor.is_contiguous())
    return {
        Code::kInvalidArgument,
        fmt::format("parameter '{}' cannot be synchronised: it must be a contiguous fp32 tensor on "
                    "the CPU; keep the master weights so and cast them in the forward pass",
                    parameter.name)};
  return {};
}

}  // namespace

Result<Fragment> whole_model(NamedTensors parameters) {
  Fragment fragment;
  std::set<std::string> names;
  for (const NamedTensor& parameter : parameters) {
    if (const Status status = check_parameter(parameter); !status.ok()) return status;
    if (!names.insert(parameter.name).second)
      return Status(Code::kInvalidArgument,
                    fmt::format("parameter '{}' is given twice", parameter.name));
    fragment.local.add(
        {parameter.tensor.data_ptr<float>(), static_cast<std::size_t>(parameter.tensor.numel())});
  }
  fragment.parameters = std::move(parameters);
  return fragment;
}

}  // namespace outrigger
