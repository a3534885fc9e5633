#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <outrigger/comm/codec/driver.h>
#include <outrigger/optim/aggregate/aggregation.h>
#include <outrigger/optim/named_tensor.h>

namespace outrigger {

// How a model is cut into fragments that are synchronised apart.
struct FragmentOptions {
  std::uint32_t count = 1;
  // strided:    block i -> fragment i mod P (arXiv 2501.18512, which uses it by default)
  // sequential: P runs of neighbouring blocks, as equal as they can be
  // balanced:   tensors by size, the largest first, each into the lightest fragment; what a model
  //             without numbered blocks gets in any case
  // What belongs to no block (embedding, head, last norm) goes, in the model's order, into the
  // fragment that is lightest so far.
  std::string pattern = "strided";
  // Instead: one entry a fragment, shell patterns with spaces between. The first that fits a
  // tensor's name takes it.
  std::vector<std::string> names;
};

// A parameter's name and its number of elements.
using NamedSize = std::pair<std::string, std::size_t>;
std::vector<NamedSize> named_sizes(const NamedTensors& parameters);

// The transformer block that a parameter belongs to: the first whole number between dots in its
// name ("model.layers.12.mlp..." is in block 12); -1: none.
std::int64_t block_of(std::string_view name);

// The fragment of each parameter: pure, so that islands agree and a plan can be printed without a
// model. InvalidArgument says what is wrong: too many fragments, a tensor that no pattern takes, a
// pattern that takes none.
Result<std::vector<std::uint32_t>> assign_fragments(std::span<const NamedSize> parameters,
                                                    const FragmentOptions& options);

// A set of parameters that is synchronised together. `local` are the parameters' own memory, in
// their order, so it is the training that is read and written: no copy of the model is kept beside
// it. Tensor t has the elements [borders[t], borders[t + 1]).
struct Fragment {
  NamedTensors parameters;
  Segments local;
  Borders borders;
};

// InvalidArgument names a parameter that is not contiguous fp32 on the CPU, or that comes twice, or
// is assign_fragments's.
Result<std::vector<Fragment>> cut_fragments(const NamedTensors& parameters,
                                            const FragmentOptions& options);

}  // namespace outrigger
