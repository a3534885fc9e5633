#include <outrigger/framework/checkpoint/durable_file.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include <outrigger/framework/checkpoint/fail_point.h>

namespace outrigger {
namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
    case EMFILE:
    case ENFILE:
      return Code::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    default:
      return Code::kInternal;
  }
}

Status write_all(int descriptor, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// close() can report a write that failed late (NFS, quotas), so it counts.
Status sync_and_close(int descriptor, const std::string& path, Status status) {
  if (status.ok() && ::fsync(descriptor) != 0) status = system_error("fsync", path, errno);
  if (::close(descriptor) != 0 && status.ok()) status = system_error("close", path, errno);
  return status;
}

Status sync_opened(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (descriptor < 0) return system_error("open", path, errno);
  return sync_and_close(descriptor, path, {});
}

// Random, since a killed process of any machine may have left a file behind.
std::string temporary_name(const std::string& path) {
  std::random_device random;
  return fmt::format("{}.tmp-{:08x}{:08x}", path, random(), random());
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Status system_error(std::string_view doing, const std::string& path, int error_number) {
  return {code_of(error_number),
          fmt::format("cannot {} {}: {}", doing, path, std::strerror(error_number))};
}

Status write_new_file(const std::string& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) return system_error("create", path, errno);
  pass_fail_point("file created");
  Status status = write_all(descriptor, path, bytes);
  pass_fail_point("file written");
  status = sync_and_close(descriptor, path, status);
  if (!status.ok()) ::unlink(path.c_str());
  return status;
}

Status write_file_atomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = temporary_name(path);
  Status status = write_new_file(temporary, bytes);
  if (!status.ok()) return status;
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    status = system_error("rename to", path, errno);
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_folder(folder_of(path));
}

Status sync_file(const std::string& path) {
  return sync_opened(path, 0);
}
Status sync_folder(const std::string& path) {
  return sync_opened(path, O_DIRECTORY);
}

}  // namespace outrigger
