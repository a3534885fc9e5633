#include <outrigger/comm/buffer_pool.h>

#include <algorithm>
#include <mutex>

namespace outrigger {

struct BufferPool::Free {
  std::mutex mutex;
  std::vector<std::unique_ptr<ByteBuffer>> buffers;
  std::size_t lent_bytes = 0;

  // The smallest that holds `size`, or else the largest, to grow.
  std::unique_ptr<ByteBuffer> pick(std::size_t size) {
    const std::lock_guard lock(mutex);
    lent_bytes += size;
    if (buffers.empty()) return std::make_unique<ByteBuffer>();
    const auto worse = [size](const auto& a, const auto& b) {
      const bool a_holds = a->capacity() >= size, b_holds = b->capacity() >= size;
      if (a_holds != b_holds) return b_holds;
      return a_holds ? a->capacity() > b->capacity() : a->capacity() < b->capacity();
    };
    const auto best = std::max_element(buffers.begin(), buffers.end(), worse);
    std::unique_ptr<ByteBuffer> picked = std::move(*best);
    buffers.erase(best);
    return picked;
  }
  void put(std::unique_ptr<ByteBuffer> buffer) {
    const std::lock_guard lock(mutex);
    lent_bytes -= buffer->size();
    buffers.push_back(std::move(buffer));
  }
};

BufferPool::BufferPool() : free_(std::make_shared<Free>()) {}

std::shared_ptr<ByteBuffer> BufferPool::take(std::size_t size) const {
  std::unique_ptr<ByteBuffer> buffer = free_->pick(size);
  buffer->resize(size);
  return {buffer.release(), [pool = std::weak_ptr(free_)](ByteBuffer* back) {
            std::unique_ptr<ByteBuffer> owned(back);
            if (const auto free = pool.lock()) free->put(std::move(owned));
          }};
}

std::size_t BufferPool::lent_bytes() const {
  const std::lock_guard lock(free_->mutex);
  return free_->lent_bytes;
}

}  // namespace outrigger
