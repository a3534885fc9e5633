#include <outrigger/framework/model/allocator.h>

#include <malloc.h>

#include <limits>

namespace outrigger {

void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);  // no tensor in a mapping of its own, which would go back when it is freed
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace outrigger
