#pragma once

#include <string>

#include <outrigger/comm/status.h>
#include <outrigger/framework/checkpoint/manifest.h>

namespace outrigger {

// A committed checkpoint: a folder with a manifest and the parts that it lists.
struct Checkpoint {
  std::string path;
  Manifest manifest;

  // Where a part lies. NotFound, with the names there are, when the manifest lists none of that
  // name.
  Result<std::string> part_path(const std::string& name) const;
};

// Reads the manifest and checks that every part is there with its size: quick however large they
// are. NotFound: no such folder or no manifest in it. Corruption, FailedPrecondition: as
// parse_manifest(), and a part that is missing or has another size.
Result<Checkpoint> open_checkpoint(const std::string& path);

// Reads every part and compares its hash with the manifest's. Corruption names the part.
Status verify_checkpoint(const Checkpoint& checkpoint);

}  // namespace outrigger
