#include <outrigger/framework/data/mapped_file.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <outrigger/framework/checkpoint/durable_file.h>

namespace outrigger {
namespace {

Result<std::span<const std::byte>> map(int descriptor, const std::string& path) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) return system_error("read", path, errno);
  if (!S_ISREG(info.st_mode))
    return Status(Code::kInvalidArgument, fmt::format("{} is not a plain file", path));
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return std::span<const std::byte>();
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) return system_error("read", path, errno);
  return std::span(static_cast<const std::byte*>(address), size);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error("read", path, errno);
  auto bytes = map(descriptor, path);
  ::close(descriptor);
  if (!bytes.ok()) return bytes.status();
  return MappedFile(path, *bytes);
}

MappedFile::MappedFile(std::string path, std::span<const std::byte> bytes)
    : path_(std::move(path)), bytes_(bytes) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace outrigger
