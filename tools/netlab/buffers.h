#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace outrigger::netlab {

class Buffers;
struct GiveBack {
  Buffers* owner = nullptr;
  std::size_t size = 0;
  void operator()(std::byte* memory) const;
};
using Buffer = std::unique_ptr<std::byte[], GiveBack>;

// Packet buffers of two sizes that are used again, the last one first: a steady flow allocates
// nothing. Never more than `max_bytes` in all. Not thread-safe. It must outlive its buffers.
class Buffers {
 public:
  static constexpr std::size_t kSmall = 2048;         // an acknowledgement, or a segment
  static constexpr std::size_t kLarge = 65536 + 128;  // a super-packet with its virtio_net_hdr

  explicit Buffers(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  // Of at least `bytes` (at most kLarge); empty where the limit is reached.
  Buffer take(std::size_t bytes);

  std::size_t allocated_bytes() const { return allocated_; }

 private:
  friend struct GiveBack;
  using Free = std::vector<std::unique_ptr<std::byte[]>>;
  Free& free_of(std::size_t size) { return size == kSmall ? small_ : large_; }

  std::size_t max_bytes_;
  std::size_t allocated_ = 0;
  Free small_, large_;
};

}  // namespace outrigger::netlab
