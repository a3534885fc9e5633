#pragma once

#include <span>
#include <string_view>

namespace outrigger {

// A name that people know from torchft, torchtitan, MaxText, OpenDiLoCo, nanoGPT or torchrun, or
// from Outrigger's design before its key is there. It is refused with `ours` named, or with `why`
// where there is none.
struct ForeignName {
  std::string_view name;
  std::string_view ours;  // a key of recipe_keys(), or empty
  std::string_view why;   // follows the name: "is ..."
};

std::span<const ForeignName> foreign_names();

// Looks for the dotted name, then for its last part; nullptr: nobody's name.
const ForeignName* find_foreign_name(std::string_view name);

}  // namespace outrigger
