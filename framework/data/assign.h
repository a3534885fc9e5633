#pragma once

#include <cstdint>

namespace outrigger {

// Who trains on which samples. The job trains on samples 0, 1, 2, ... in that order whatever
// happens, so assignment is a function of numbers alone (shared/protocol.md, "Data"): never of
// arrival order, time or names. Another number of members shares out the same samples.

// Samples begin, begin + 1, ..., end - 1.
struct SampleRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  friend bool operator==(const SampleRange&, const SampleRange&) = default;
};

// The samples of one inner step (counted from 0) of a job with this batch: [step batch, (step+1)
// batch).
SampleRange samples_of_step(std::int64_t step, std::int64_t batch);

// The share of one of `members` equal parties, in the order of the members: the first
// (size mod members) get one sample more. Empty for some when there are fewer samples than members,
// which a recipe refuses.
// REQUIRES: 0 <= member < members.
SampleRange part(SampleRange samples, std::int64_t members, std::int64_t member);

}  // namespace outrigger
