#include <outrigger/framework/metrics/jsonl.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace outrigger {
namespace {

Status file_error(const std::string& path, const char* what) {
  const int error = errno;
  const Code code = error == ENOSPC ? Code::kResourceExhausted : Code::kPermissionDenied;
  return {code, fmt::format("cannot {} {}: {}", what, path, std::strerror(error))};
}

// The length up to and with the last newline.
off_t whole_lines(int fd, off_t size) {
  char block[4096];
  while (size > 0) {
    const off_t from = size > off_t{sizeof block} ? size - off_t{sizeof block} : 0;
    const ssize_t got = ::pread(fd, block, static_cast<std::size_t>(size - from), from);
    if (got != size - from) return size;
    const void* newline = ::memrchr(block, '\n', static_cast<std::size_t>(got));
    if (newline != nullptr) return from + (static_cast<const char*>(newline) - block) + 1;
    size = from;
  }
  return 0;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

Result<JsonlWriter> JsonlWriter::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return file_error(path, "open");
  JsonlWriter writer(fd, path);
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return file_error(path, "read the size of");
  if (!S_ISREG(info.st_mode)) return writer;
  const off_t whole = whole_lines(fd, info.st_size);
  if (whole != info.st_size && ::ftruncate(fd, whole) != 0)
    return file_error(path, "cut the unfinished last line off");
  return writer;
}

JsonlWriter::JsonlWriter(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

JsonlWriter::JsonlWriter(JsonlWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), lost_(other.lost_) {}

JsonlWriter::~JsonlWriter() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string> JsonlWriter::append(double unix_time, std::string_view source,
                                               const Event& event) {
  const std::string line = to_json(event, unix_time, source) + "\n";
  const off_t before = ::lseek(fd_, 0, SEEK_END);
  if (write_all(fd_, line)) return std::nullopt;
  const int error = errno;
  if (before >= 0 && ::ftruncate(fd_, before) != 0) errno = error;  // then a broken line stays
  if (lost_++ != 0) return std::nullopt;
  return fmt::format("cannot write to {}: {}. Training goes on; metrics are lost until that ends.",
                     path_, std::strerror(error));
}

}  // namespace outrigger
