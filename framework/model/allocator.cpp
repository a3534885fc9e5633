#include <outrigger/framework/model/allocator.h>

#include <malloc.h>

#include <limits>

namespace outrigger {

void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);  // no mapping of its own for a tensor under 1 GiB
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace outrigger
