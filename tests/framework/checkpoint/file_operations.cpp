#include "framework/checkpoint/file_operations.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace outrigger::test {
namespace {

std::function<int(const FileOperation&)> observer;
bool halved = false;

// Whether the operation may go on; errno is set when not.
bool admit(const char* name, const std::string& path) {
  if (!observer) return true;
  const int error = observer({name, path});
  if (error != 0) errno = error;
  return error == 0;
}

std::string path_of(int descriptor) {
  std::array<char, 4096> path;
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return size < 0 ? "" : std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace

void observe_file_operations(std::function<int(const FileOperation&)> new_observer) {
  observer = std::move(new_observer);
}

void halve_writes(bool on) {
  halved = on;
}

}  // namespace outrigger::test

using outrigger::test::admit;
using outrigger::test::halved;
using outrigger::test::observer;
using outrigger::test::path_of;

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (observer && !admit("write", path_of(descriptor))) return -1;
  if (halved && count > 1) count /= 2;
  return ::syscall(SYS_write, descriptor, bytes, count);
}

int fsync(int descriptor) {
  if (observer && !admit("fsync", path_of(descriptor))) return -1;
  return ::fcntl(descriptor, F_GETFD) < 0 ? -1 : 0;
}

int rename(const char* from, const char* to) noexcept {
  if (!admit("rename", to)) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  if (!admit("renameat2", to)) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int unlink(const char* path) noexcept {
  if (!admit("unlink", path)) return -1;
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  if (!admit("unlink", path)) return -1;
  return static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

int remove(const char* path) noexcept {
  if (!admit("unlink", path)) return -1;
  if (::syscall(SYS_unlinkat, AT_FDCWD, path, 0) == 0) return 0;
  if (errno != EISDIR) return -1;
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}
}
