#include <outrigger/framework/checkpoint/file_hash.h>

#define XXH_INLINE_ALL
#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <memory>
#include <vector>

#include <outrigger/framework/checkpoint/durable_file.h>

namespace outrigger {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

Result<FileHash> hash_opened(int descriptor, const std::string& path) {
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  XXH3_128bits_reset(state.get());
  std::vector<char> block(kBlockBytes);
  FileHash result;
  for (;;) {
    const ssize_t count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", path, errno);
    if (count == 0) break;
    XXH3_128bits_update(state.get(), block.data(), static_cast<std::size_t>(count));
    result.bytes += count;
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  result.hash = {hash.high64, hash.low64};
  return result;
}

}  // namespace

Result<FileHash> hash_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return system_error("open", path, errno);
  auto result = hash_opened(descriptor, path);
  ::close(descriptor);
  return result;
}

}  // namespace outrigger
