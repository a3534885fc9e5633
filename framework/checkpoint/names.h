#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outrigger {

// The names in a run's `checkpoints` folder:
//   step-000200                a committed checkpoint (six digits or more)
//   .tmp-step-000200-3         attempt 3 at one, still being written
//   .tmp-old-step-000200-...   one that is being deleted
// Whatever starts with ".tmp-" is no checkpoint.

std::string checkpoints_folder(const std::string& run_folder);
std::string step_name(std::int64_t step);
std::string staging_name(std::int64_t step, std::uint64_t attempt);

bool is_temporary(std::string_view name);
std::optional<std::int64_t> step_of_name(std::string_view name);          // of "step-000200"
std::optional<std::int64_t> step_of_staging_name(std::string_view name);  // of ".tmp-step-000200-3"

}  // namespace outrigger
