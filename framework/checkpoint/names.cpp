#include <outrigger/framework/checkpoint/names.h>

#include <fmt/format.h>

#include <charconv>

namespace outrigger {
namespace {

constexpr std::string_view kStep = "step-";
constexpr std::string_view kTemporary = ".tmp-";
constexpr std::size_t kDigits = 6;

std::optional<std::int64_t> parse_step(std::string_view digits) {
  std::int64_t step = 0;
  if (digits.size() < kDigits || digits.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return step;
}

}  // namespace

std::string checkpoints_folder(const std::string& run_folder) {
  return run_folder + "/checkpoints";
}

std::string step_name(std::int64_t step) {
  return fmt::format("{}{:06}", kStep, step);
}

std::string staging_name(std::int64_t step, std::uint64_t attempt) {
  return fmt::format("{}{}-{}", kTemporary, step_name(step), attempt);
}

bool is_temporary(std::string_view name) {
  return name.starts_with(kTemporary);
}

std::optional<std::int64_t> step_of_name(std::string_view name) {
  if (!name.starts_with(kStep)) return std::nullopt;
  return parse_step(name.substr(kStep.size()));
}

std::optional<std::int64_t> step_of_staging_name(std::string_view name) {
  if (!is_temporary(name)) return std::nullopt;
  name.remove_prefix(kTemporary.size());
  const std::size_t dash = name.rfind('-');
  return dash == name.npos ? std::nullopt : step_of_name(name.substr(0, dash));
}

}  // namespace outrigger
