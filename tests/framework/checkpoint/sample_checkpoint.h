#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <outrigger/framework/checkpoint/store.h>

namespace outrigger::test {

// Checkpoints whose every byte follows from the step and a version, so that a test can tell whose
// bytes it found.
inline const std::vector<std::string> kPartNames = {"model.safetensors", "outer.safetensors",
                                                    "islands/paris.safetensors",
                                                    "islands/tokyo.safetensors"};

std::string part_bytes(const std::string& name, std::int64_t step, int version = 0);

// Writes the parts of one step, those of the islands in two pieces through a writer of its own.
Result<std::vector<PartReport>> write_parts(const std::string& staging, std::int64_t step,
                                            int version = 0);

// Stages, writes and commits with state {"version": version}.
Result<Committed> write_checkpoint(const std::string& run, std::int64_t step, std::int64_t keep,
                                   int version = 0, std::uint64_t attempt = 1);

// Whether the manifest's state and all parts are exactly those of write_checkpoint(step, version).
bool is_sample(const Checkpoint& checkpoint, std::int64_t step, int version = 0);

// The names in RUN/checkpoints, sorted, with spaces between.
std::string listing(const std::string& run);

}  // namespace outrigger::test
