#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include <outrigger/comm/hash.h>

namespace outrigger {

// The names that every message carries (shared/protocol.md, "Names on every message").

// One worker of one life of one island. `incarnation` grows whenever the island's process starts anew.
struct MemberId {
  std::uint32_t island = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t worker = 0;
  friend auto operator<=>(const MemberId&, const MemberId&) = default;
};

// The number of a round counts the rounds of its fragment from 0; its base version is that number.
struct RoundId {
  std::uint32_t fragment = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const RoundId&, const RoundId&) = default;
};

// One try at a round. Attempt numbers never repeat within a round, whatever the term.
struct AttemptId {
  std::uint64_t term = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

// A fragment's state: how many of its rounds are committed, and the hash of that history.
struct Version {
  std::uint32_t fragment = 0;
  std::uint64_t number = 0;
  Hash128 chain;
  friend bool operator==(const Version&, const Version&) = default;
};

std::string to_string(const MemberId& member);    // "island 1 (incarnation 3)", and the worker unless 0
std::string to_string(const RoundId& round);      // "round 12 of fragment 0"
std::string to_string(const AttemptId& attempt);  // "term 2, attempt 1"

}  // namespace outrigger
