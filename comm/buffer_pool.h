#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace outrigger {

using ByteBuffer = std::vector<std::byte>;

// Byte buffers that are used again: after the first rounds of a job its messages take no new
// memory. Copies share one pool. Thread-safe. Buffers may outlive the pool.
class BufferPool {
 public:
  BufferPool();

  // A buffer of that size, its bytes unspecified, which comes back when its last reference goes.
  std::shared_ptr<ByteBuffer> take(std::size_t size) const;
  // Bytes of the buffers that have not come back.
  std::size_t lent_bytes() const;

 private:
  struct Free;
  std::shared_ptr<Free> free_;
};

}  // namespace outrigger
