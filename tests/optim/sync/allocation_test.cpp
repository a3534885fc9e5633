// After the first rounds a round takes no memory in proportion to the model: every allocation of
// the process is counted while rounds run.
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include <outrigger/optim/sync/diloco.h>

#include "optim/sync/islands.h"
#include "support/catch.h"

namespace {

constexpr std::size_t kElements = 1 << 20;
constexpr std::size_t kLarge =
    kElements / 16;  // bytes: a sixteenth of the smallest codec's payload

std::atomic<bool> counting = false;
std::atomic<std::size_t> large_allocations = 0;

void* allocate(std::size_t size) {
  if (counting && size >= kLarge) ++large_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace outrigger {
namespace {

// Of forty rounds after the first `warm_up`.
std::size_t large_allocations_of(DiLoCoOptions options, const std::string& topology,
                                 std::uint64_t warm_up) {
  options.every = 1;
  options.check_every = 0;
  large_allocations = 0;
  run_islands(
      2,
      [&](Session& session, std::size_t island) {
        NamedTensors parameters = {{"w", at::zeros({static_cast<std::int64_t>(kElements)})}};
        DiLoCo diloco(session, parameters, options);
        float* w = parameters[0].tensor.data_ptr<float>();
        for (std::uint64_t step = 0; step < warm_up + 40; ++step) {
          for (std::size_t i = 0; i < kElements; ++i)
            w[i] += 1e-4F * static_cast<float>((i + step + island) % 13);
          const std::string key = "step:" + std::to_string(step);
          if (!session.gather(key, "").ok()) return;
          if (step == warm_up) counting = true;
          diloco.step(1);
        }
        (void)session.gather("end", "");
        counting = false;
      },
      topology);
  return large_allocations;
}

}  // namespace

// Mutations: FragmentSync::encode makes a new vector for open.lost; DirectCollective's result, or
// its staging, from a pool of its own; Session copies the result (make_shared of *bytes).
TEST_CASE("allocations: none in proportion to the model after the first rounds") {
  for (const char* topology : {"direct", "gather"})
    for (const std::uint64_t delay : {0, 1}) {
      DiLoCoOptions options;
      options.codec = "int8";
      options.feedback.decay = 0.9;
      options.delay = delay;
      CAPTURE(topology, delay);
      // 80 rounds in all. How many buffers are out at once depends on the threads' order, so the
      // pools may grow once or twice more.
      CHECK(large_allocations_of(options, topology, 4) <= 6);
    }
}

// Mutation: `counting` stays false.
TEST_CASE("allocations: the counter sees the first rounds") {
  DiLoCoOptions options;
  options.codec = "int8";
  CHECK(large_allocations_of(options, "direct", 0) > 0);
}

}  // namespace outrigger
