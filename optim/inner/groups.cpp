#include <outrigger/optim/inner/groups.h>

#include <algorithm>

namespace outrigger {

bool decays(const NamedTensor& parameter, std::string_view rule) {
  return rule == "all" || parameter.tensor.dim() >= 2;
}

bool is_hidden_matrix(const NamedTensor& parameter, const std::vector<std::string>& outside) {
  const bool named = std::any_of(outside.begin(), outside.end(), [&](const std::string& part) {
    return parameter.name.find(part) != std::string::npos;
  });
  return parameter.tensor.dim() == 2 && !named;
}

}  // namespace outrigger
