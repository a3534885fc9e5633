#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <outrigger/comm/status.h>

namespace outrigger {

// A whole file mapped read-only. The file must not shrink while it is mapped: the system answers a
// read beyond its new end with SIGBUS.
class MappedFile {
 public:
  // NotFound (no such file), PermissionDenied, InvalidArgument (not a plain file).
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes);

  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace outrigger
