#pragma once

#include <cstdint>
#include <string>

#include <outrigger/comm/hash.h>
#include <outrigger/comm/status.h>

namespace outrigger {

struct FileHash {
  std::int64_t bytes = 0;
  Hash128 hash;  // hash128() of the file's bytes
  friend bool operator==(const FileHash&, const FileHash&) = default;
};

// Reads the file once, in blocks. Errors name the path and the system's text.
Result<FileHash> hash_file(const std::string& path);

}  // namespace outrigger
