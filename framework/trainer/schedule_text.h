#pragma once

#include <string>

#include <outrigger/framework/recipe/recipe.h>
#include <outrigger/framework/trainer/arithmetic.h>

namespace outrigger {

// The timetable of one cycle of H inner steps, once all fragments are under way: which fragments
// are launched and applied after which step, and what that sends. For people, or as JSON. REQUIRES:
// sums are the recipe's; sync is enabled.
std::string schedule_text(const Recipe& recipe, const Arithmetic& sums);
std::string schedule_json(const Recipe& recipe, const Arithmetic& sums);

}  // namespace outrigger
