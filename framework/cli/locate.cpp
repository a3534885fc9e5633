#include <outrigger/framework/cli/locate.h>

#include <fmt/format.h>

#include <filesystem>

#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/recipe/load.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

// What the command line names and is not there makes the command wrong.
Status wrong_input(const Status& status) {
  return status.code() == Code::kNotFound ? Status(Code::kInvalidArgument, status.message())
                                          : status;
}

Result<Located> with_recipe(Checkpoint checkpoint, const fs::path& run) {
  Result<LoadedRecipe> loaded = load_recipe((run / "recipe.yaml").string());
  if (!loaded.ok()) return wrong_input(loaded.status());
  return Located{std::move(checkpoint), std::move(loaded->recipe), {}};
}

}  // namespace

Result<Located> locate_checkpoint(const std::string& path) {
  const fs::path folder = fs::absolute(path).lexically_normal();
  std::error_code ignored;
  if (fs::exists(folder / "recipe.yaml", ignored)) {
    Result<LastWhole> last = CheckpointStore(folder.string()).find_last_whole();
    if (!last.ok()) return wrong_input(last.status());
    Result<Located> located = with_recipe(std::move(last->checkpoint), folder);
    if (located.ok()) located->passed_over = std::move(last->passed_over);
    return located;
  }
  if (!fs::exists(folder / kManifestName, ignored))
    return Status(
        Code::kInvalidArgument,
        fmt::format("{} is neither a run folder (no recipe.yaml) nor a checkpoint (no {})", path,
                    kManifestName));
  Result<Checkpoint> checkpoint = open_checkpoint(folder.string());
  if (!checkpoint.ok()) return wrong_input(checkpoint.status());
  // RUN/checkpoints/step-000200, with or without a slash behind.
  const fs::path step = folder.has_filename() ? folder : folder.parent_path();
  return with_recipe(std::move(*checkpoint), step.parent_path().parent_path());
}

}  // namespace outrigger
