#pragma once

#include <cstddef>
#include <functional>

#include <outrigger/comm/status.h>

namespace outrigger {

// A large fragment is worked on in stretches, which threads take in turn. Their borders do not
// depend on the number of threads, so that what is summed up within one has the same bits always.
inline constexpr std::size_t kStretch = std::size_t{1} << 20;  // elements: 256 blocks of the driver

// Calls work(begin, end) for every stretch of `elements`, on up to `threads` threads of which the
// caller's is one; one stretch, or none, needs no other. Returns the first failure in the order of
// stretches; after a failure the stretches behind it may be left out. What `work` throws is thrown
// again here.
Status for_each_stretch(std::size_t elements, std::size_t threads,
                        const std::function<Status(std::size_t begin, std::size_t end)>& work);

}  // namespace outrigger
