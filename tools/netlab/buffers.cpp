#include "netlab/buffers.h"

#include <utility>

namespace outrigger::netlab {

void GiveBack::operator()(std::byte* memory) const {
  owner->free_of(size).push_back(std::unique_ptr<std::byte[]>(memory));
}

Buffer Buffers::take(std::size_t bytes) {
  const std::size_t size = bytes <= kSmall ? kSmall : kLarge;
  Free& free = free_of(size);
  if (!free.empty()) {
    Buffer taken(free.back().release(), GiveBack{this, size});
    free.pop_back();
    return taken;
  }
  if (allocated_ + size > max_bytes_) return {};
  allocated_ += size;
  return Buffer(new std::byte[size], GiveBack{this, size});
}

}  // namespace outrigger::netlab
