#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <outrigger/comm/hash.h>
#include <outrigger/comm/status.h>

namespace outrigger {

// One file of a checkpoint, as its writer reports it to the process that commits.
struct PartReport {
  std::string name;  // relative to the checkpoint: "model.safetensors", "islands/paris.safetensors"
  std::int64_t bytes = 0;
  Hash128 hash;  // xxh3-128 of the file
  friend bool operator==(const PartReport&, const PartReport&) = default;
};

// Writes a whole file at the path it is given.
using PartWriter = std::function<Status(const std::string& path)>;

// Has `write` write one part into a staging folder (CheckpointStore::stage), makes it durable and
// hashes what lies there. Several processes write parts of different names into one folder at once.
// A failure names the file and leaves none; ResourceExhausted when the disk is full.
Result<PartReport> write_part(const std::string& folder, const std::string& name,
                              const PartWriter& write);

// The same for bytes at hand.
Result<PartReport> write_part_bytes(const std::string& folder, const std::string& name,
                                    std::string_view bytes);

// InvalidArgument for a name that is empty, absolute, longer than 255 bytes, has an empty, "." or
// ".." step, a control character or a backslash, or is the manifest's.
Status check_part_name(std::string_view name);

// Corruption when the part is missing or has another size; check_part_hash also reads it.
Status check_part_size(const std::string& folder, const PartReport& part);
Status check_part_hash(const std::string& folder, const PartReport& part);

}  // namespace outrigger
