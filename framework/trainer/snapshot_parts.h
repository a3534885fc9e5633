#pragma once

#include <string>

#include <ATen/ops/from_blob.h>

#include <nlohmann/json_fwd.hpp>

#include <outrigger/framework/checkpoint/checkpoint.h>
#include <outrigger/framework/trainer/replica.h>
#include <outrigger/optim/sync/synchronizer.h>

namespace outrigger {

// The files of a checkpoint, written and read: what snapshot.h describes.

// One tensor a parameter over a fragment's flat values, which it shares.
NamedTensors views(const Fragment& fragment, const std::vector<float>& values,
                   const std::string& prefix, const std::string& suffix = "");
void append(NamedTensors& all, NamedTensors more);
// One tensor of one dimension that shares the values.
template <class Number>
NamedTensor flat_tensor(const std::string& name, const std::vector<Number>& values,
                        at::ScalarType type = c10::CppTypeToScalarType<Number>::value) {
  auto* data = const_cast<Number*>(values.data());  // NOLINT: from_blob takes no const; only read
  return {name, at::from_blob(data, {static_cast<std::int64_t>(values.size())}, type)};
}

// model.safetensors and outer.safetensors: the shared state.
Status write_global(const std::string& path, const Synchronizer& sync);
Status write_outer(const std::string& path, const Synchronizer& sync);
nlohmann::json state_json(const Synchronizer& sync);
Status read_shared(const Checkpoint& checkpoint, const Method& method,
                   const std::vector<Fragment>& fragments, SharedState& shared);

// islands/<name>.safetensors: one island's own.
std::string island_part(const std::string& island);
Status write_private(const std::string& path, Replica& replica, const Synchronizer& sync);
Status read_private(const Checkpoint& checkpoint, const std::string& island, const Method& method,
                    const std::vector<Fragment>& fragments, Replica& replica, SharedState& shared,
                    PrivateState& own);

// Copies "<prefix><parameter><suffix>" of each of the fragment's parameters into the flat values.
Status read_flat(const std::map<std::string, at::Tensor>& tensors, const Fragment& fragment,
                 const std::string& prefix, const std::string& suffix, const std::string& source,
                 std::vector<float>& values);

Hash128 hash_from_hex(const std::string& hex);

}  // namespace outrigger
