#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <outrigger/comm/codec/sums.h>

// What the kernels do with one block of a codec, as plain C++ that a test runs without a device.
//
// A team works on a block, on the device one of CUDA's thread blocks. It has
//   size()       members, at most kMostMembers;
//   each(phase)  every member calls phase(its rank) once; each() returns when all have.
// All that is outside of phases every member works out for itself, with equal results. So a phase
// captures by value all but Scratch, and no phase writes what another one of the same block wrote
// or what is read outside of phases before it: slower members may still read that.
namespace outrigger::cuda {

inline constexpr std::size_t kMostMembers = 256;
inline constexpr std::size_t kMostElements = 1024;  // of a block

// What a reduction leaves: a result for each member, then a few from many.
template <class T>
struct Reduced {
  std::array<T, kMostMembers> members;
  std::array<T, 16> few;
};

// join(start, term(0), term(1), ...), of which no order or grouping may change the result.
// `reduced` may serve again at once: nobody writes `few` before all have read it.
template <class T, class Team, class Term, class Join>
constexpr T reduce(const Team& team, Reduced<T>& reduced, std::size_t count, T start, Term term,
                   Join join) {
  team.each([=, &reduced](std::size_t rank) {
    T all = start;
    for (std::size_t i = rank; i < count; i += team.size()) all = join(all, term(i));
    reduced.members[rank] = all;
  });
  team.each([=, &reduced](std::size_t rank) {
    for (std::size_t slot = rank; slot < reduced.few.size(); slot += team.size()) {
      T all = start;
      for (std::size_t k = slot; k < team.size(); k += reduced.few.size())
        all = join(all, reduced.members[k]);
      reduced.few[slot] = all;
    }
  });
  T all = start;
  for (const T& one : reduced.few) all = join(all, one);
  return all;
}

// term(0) + term(1) + ... in the order of sums.h.
template <class Team, class Term>
constexpr float sum(const Team& team, Partials& partials, std::size_t count, Term term) {
  team.each([=, &partials](std::size_t rank) {
    for (std::size_t lane = rank; lane < kPartials; lane += team.size()) {
      float all = 0;
      for (std::size_t i = lane; i < count; i += kPartials) all += term(i);
      partials[lane] = all;
    }
  });
  return total(partials);
}

// Bits of the largest magnitudes: of all values, and of the finite ones.
struct Magnitudes {
  std::int32_t all, finite;
};

struct Ends {
  float lowest, highest;
};

// A team's common memory.
struct Scratch {
  std::array<float, kMostElements> filled;  // as they came
  std::array<float, kMostElements> values;  // finite
  Reduced<Magnitudes> magnitudes;
  Reduced<Ends> ends;
  Reduced<bool> refused;
  Partials sum, squares;
  std::array<Partials, 4> bins;
  std::array<std::array<std::uint32_t, kPartials>, 4> counts;
};

}  // namespace outrigger::cuda
