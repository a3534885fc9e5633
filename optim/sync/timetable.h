#pragma once

#include <cstdint>
#include <vector>

namespace outrigger {

// The fragments whose next round is launched, and whose oldest open round is applied, after one
// inner step. Rounds due now that were launched earlier are settled first, then `launches`, then
// `applies` (shared/protocol.md, "Timetable").
struct Boundary {
  std::vector<std::uint32_t> launches;
  std::vector<std::uint32_t> applies;
};

// When every fragment's rounds happen: a pure function of H, P and tau, equal on every island. It
// says when, not which: rounds are numbered by the fragment's version.
//
// Fragment p of P applies after inner steps kH + floor((p+1)H/P), k = 0, 1, ...; it launches tau
// steps earlier; a launch before step 1 does not happen, nor does its apply. P = 1 and tau = 0 is
// blocking DiLoCo. Source: arXiv 2501.18512; the rule for any H and P:
// shared/protocol.md.
class Timetable {
 public:
  // REQUIRES: every >= 1, 1 <= fragments <= every, delay <= every.
  Timetable(std::uint64_t every, std::uint32_t fragments, std::uint64_t delay)
      : every_(every), fragments_(fragments), delay_(delay) {}

  // `step` counts finished inner steps, from 1.
  Boundary at(std::uint64_t step) const;
  // How many of the fragment's rounds are launched up to and with `step`.
  std::uint64_t launched(std::uint32_t fragment, std::uint64_t step) const;

 private:
  std::uint64_t every_;
  std::uint32_t fragments_;
  std::uint64_t delay_;
};

}  // namespace outrigger
