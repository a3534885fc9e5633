#include <outrigger/optim/sync/fragment.h>

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>

namespace outrigger {
namespace {

using Assignment = std::vector<std::uint32_t>;

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

// Fills fragments one tensor at a time, each into the lightest; the first of equals.
class Filler {
 public:
  explicit Filler(std::uint32_t count) : weights_(count, 0) {}
  void add(std::uint32_t fragment, std::size_t elements) { weights_[fragment] += elements; }
  std::uint32_t add_to_lightest(std::size_t elements) {
    const auto lightest = std::min_element(weights_.begin(), weights_.end()) - weights_.begin();
    weights_[static_cast<std::size_t>(lightest)] += elements;
    return static_cast<std::uint32_t>(lightest);
  }

 private:
  std::vector<std::size_t> weights_;
};

Assignment balanced(std::span<const NamedSize> parameters, std::uint32_t count) {
  std::vector<std::size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [&](auto a, auto b) { return parameters[a].second > parameters[b].second; });
  Filler filler(count);
  Assignment fragments(parameters.size());
  for (const std::size_t index : order)
    fragments[index] = filler.add_to_lightest(parameters[index].second);
  return fragments;
}

Assignment by_block(std::span<const NamedSize> parameters, const std::set<std::int64_t>& blocks,
                    const FragmentOptions& options) {
  Filler filler(options.count);
  Assignment fragments(parameters.size());
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const std::int64_t block = block_of(parameters[k].first);
    if (block < 0) continue;
    const auto index = static_cast<std::size_t>(std::distance(blocks.begin(), blocks.find(block)));
    const std::size_t fragment = options.pattern == "strided"
                                     ? index % options.count
                                     : index * options.count / blocks.size();
    fragments[k] = static_cast<std::uint32_t>(fragment);
    filler.add(fragments[k], parameters[k].second);
  }
  for (std::size_t k = 0; k < parameters.size(); ++k)
    if (block_of(parameters[k].first) < 0)
      fragments[k] = filler.add_to_lightest(parameters[k].second);
  return fragments;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> all;
  for (std::string word; stream >> word;) all.push_back(word);
  return all;
}

std::optional<std::uint32_t> first_fit(const std::string& name,
                                       const std::vector<std::string>& fragments) {
  for (std::uint32_t p = 0; p < fragments.size(); ++p)
    for (const std::string& pattern : words(fragments[p]))
      if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0) return p;
  return std::nullopt;
}

Result<Assignment> by_name(std::span<const NamedSize> parameters,
                           const std::vector<std::string>& names) {
  Assignment fragments;
  for (const auto& [name, elements] : parameters) {
    const std::optional<std::uint32_t> fragment = first_fit(name, names);
    if (!fragment)
      return Status(Code::kInvalidArgument,
                    fmt::format("no fragment's patterns take '{}'; let the last one be '*'", name));
    fragments.push_back(*fragment);
  }
  return fragments;
}

Status check_filled(const Assignment& fragments, std::uint32_t count, const std::string& advice) {
  for (std::uint32_t p = 0; p < count; ++p)
    if (std::ranges::find(fragments, p) == fragments.end())
      return {Code::kInvalidArgument,
              fmt::format("fragment {} of {} would be empty; {}", p, count, advice)};
  return {};
}

}  // namespace

std::vector<NamedSize> named_sizes(const NamedTensors& parameters) {
  std::vector<NamedSize> sizes;
  for (const NamedTensor& parameter : parameters)
    sizes.emplace_back(parameter.name, static_cast<std::size_t>(parameter.tensor.numel()));
  return sizes;
}

std::int64_t block_of(std::string_view name) {
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('.'));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error == std::errc() && end == part.data() + part.size() && number >= 0) return number;
    name.remove_prefix(std::min(name.size(), part.size() + 1));
  }
  return -1;
}

Result<std::vector<std::uint32_t>> assign_fragments(std::span<const NamedSize> parameters,
                                                    const FragmentOptions& options) {
  if (!options.names.empty()) {
    Result<Assignment> fragments = by_name(parameters, options.names);
    if (!fragments.ok()) return fragments;
    const auto count = static_cast<std::uint32_t>(options.names.size());
    const Status filled =
        check_filled(*fragments, count, "its patterns take no tensor that is left to it");
    if (!filled.ok()) return filled;
    return fragments;
  }
  if (options.count == 0)
    return Status(Code::kInvalidArgument, "a model is cut into at least 1 fragment");
  std::set<std::int64_t> blocks;
  for (const auto& [name, elements] : parameters)
    if (block_of(name) >= 0) blocks.insert(block_of(name));
  const bool known = options.pattern == "strided" || options.pattern == "sequential";
  if (!known && options.pattern != "balanced")
    return Status(Code::kNotFound,
                  fmt::format("there is no fragment pattern '{}'; there are strided, sequential, "
                              "balanced",
                              options.pattern));
  const bool use_blocks = known && !blocks.empty();
  Assignment fragments =
      use_blocks ? by_block(parameters, blocks, options) : balanced(parameters, options.count);
  const Status filled = check_filled(
      fragments, options.count,
      use_blocks
          ? fmt::format("the model has {} blocks: take fewer fragments, or pattern balanced",
                        blocks.size())
          : fmt::format("the model has {} tensors: take fewer fragments", parameters.size()));
  if (!filled.ok()) return filled;
  return fragments;
}

Result<std::vector<Fragment>> cut_fragments(const NamedTensors& parameters,
                                            const FragmentOptions& options) {
  std::set<std::string> names;
  for (const NamedTensor& parameter : parameters) {
    if (const Status status = check_parameter(parameter); !status.ok()) return status;
    if (!names.insert(parameter.name).second)
      return Status(Code::kInvalidArgument,
                    fmt::format("parameter '{}' is given twice", parameter.name));
  }
  const Result<Assignment> assigned = assign_fragments(named_sizes(parameters), options);
  if (!assigned.ok()) return assigned.status();
  std::vector<Fragment> fragments(options.names.empty() ? options.count : options.names.size());
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const at::Tensor& tensor = parameters[k].tensor;
    Fragment& fragment = fragments[(*assigned)[k]];
    fragment.borders.push_back(fragment.local.elements());
    fragment.local.add({tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())});
    fragment.parameters.push_back(parameters[k]);
  }
  for (Fragment& fragment : fragments) fragment.borders.push_back(fragment.local.elements());
  return fragments;
}

}  // namespace outrigger
