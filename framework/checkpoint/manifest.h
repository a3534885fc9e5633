#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/checkpoint/part.h>

namespace outrigger {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::int64_t kManifestVersion = 1;

// What a checkpoint consists of. On disk, an object in JSON:
//   format    "outrigger-checkpoint"       version  1
//   step      inner steps done             commit   of the source that wrote it
//   parts     [{name, bytes, xxh3}], sorted by name; xxh3 is 32 hexadecimal digits
//   state     whatever the trainer wants back: versions, positions
//   checksum  xxh3-128 of the object without this key, printed without spaces and with sorted keys
struct Manifest {
  std::int64_t step = 0;
  std::string commit;
  std::vector<PartReport> parts;
  nlohmann::json state = nlohmann::json::object();
};

// InvalidArgument: a part's name is wrong or appears twice, a step or size is negative, or the
// state cannot be printed (a string that is not UTF-8).
Result<std::string> print_manifest(const Manifest& manifest);

// FailedPrecondition: written by a newer Outrigger. Corruption: anything else that print_manifest()
// does not write.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace outrigger
