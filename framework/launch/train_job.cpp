#include <outrigger/framework/launch/train_job.h>

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <outrigger/comm/transport/grpc_wire.h>
#include <outrigger/comm/transport/nccl/nccl_links.h>

#include <outrigger/framework/checkpoint/durable_file.h>
#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/launch/exit_code.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/framework/launch/run_folder.h>
#include <outrigger/framework/launch/run_job.h>
#include <outrigger/framework/recipe/load.h>
#include <outrigger/framework/recipe/show.h>
#include <outrigger/framework/trainer/arithmetic.h>
#include <outrigger/framework/trainer/recipe_options.h>
#include <outrigger/framework/trainer/training_data.h>

namespace outrigger {
namespace {

namespace fs = std::filesystem;

std::string this_program() {
  return fs::read_symlink("/proc/self/exe").string();
}

// Everything that can be wrong before anything is started.
struct Plan {
  LoadedRecipe loaded;
  Arithmetic sums;
  std::optional<LastWhole> checkpoint;  // to go on from
  std::vector<std::string> warnings;
};

// As the folder's owner names it: "run/" and "." have no last name, and the job is called by it.
std::string plain_folder(const std::string& given) {
  if (given.empty()) return given;
  fs::path folder = fs::path(given).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (folder.filename() == "." || folder.filename() == "..")
    folder = fs::canonical(fs::absolute(folder));
  return folder.string();
}

// Where run folders go must be a folder that can be written to, or be one to make.
Status check_runs(const std::string& runs) {
  std::error_code error;
  fs::path folder = fs::absolute(runs, error).lexically_normal();
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  if (!fs::is_directory(folder, error))
    return {Code::kPermissionDenied,
            fmt::format("cannot make a run folder in {}: {} is no folder", runs, folder.string())};
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return {Code::kPermissionDenied, fmt::format("cannot make a run folder in {}: {}: {}", runs,
                                               folder.string(), std::strerror(errno))};
}

Result<LoadedRecipe> read_recipe(const TrainOptions& options) {
  if (options.resume.empty()) return load_recipe(options.recipe, options.overrides);
  return load_recipe((fs::path(options.resume) / "recipe.yaml").string(), options.overrides);
}

// A checkpoint fits the run that it was written by: what it holds, and which samples come next,
// cannot be changed.
Status check_resumable(const TrainOptions& options, const Recipe& changed) {
  if (options.resume.empty() || options.overrides.empty()) return {};
  const Result<LoadedRecipe> loaded =
      load_recipe((fs::path(options.resume) / "recipe.yaml").string());
  if (!loaded.ok()) return {Code::kInvalidArgument, loaded.status().message()};
  const Recipe& saved = loaded->recipe;
  const std::vector<std::pair<const char*, bool>> fixed = {
      {"seed", saved.seed == changed.seed},
      {"islands", saved.islands == changed.islands},
      {"model", saved.model == changed.model},
      {"data", saved.data == changed.data},
      {"inner.optimizer", saved.inner.optimizer == changed.inner.optimizer},
      {"outer.optimizer", saved.outer.optimizer == changed.outer.optimizer},
      {"sync.enabled", saved.sync.enabled == changed.sync.enabled},
      {"sync.every", saved.sync.every == changed.sync.every},
      {"sync.fragments", saved.sync.fragments == changed.sync.fragments},
      {"sync.pattern", saved.sync.pattern == changed.sync.pattern},
      {"sync.fragment_names", saved.sync.fragment_names == changed.sync.fragment_names},
      {"sync.delay", saved.sync.delay == changed.sync.delay},
      {"sync.eager", saved.sync.eager == changed.sync.eager},
      {"sync.control_variates", saved.sync.control_variates == changed.sync.control_variates},
      {"sync.codec", saved.sync.codec == changed.sync.codec},
      {"sync.result_codec", saved.sync.result_codec == changed.sync.result_codec},
      {"sync.error_feedback", saved.sync.error_feedback == changed.sync.error_feedback},
      {"sync.feedback", saved.sync.feedback == changed.sync.feedback},
      {"sync.low_rank", saved.sync.low_rank == changed.sync.low_rank},
      {"sync.aggregate", saved.sync.aggregate == changed.sync.aggregate},
      {"train.batch", saved.train.batch == changed.train.batch},
      {"train.context", saved.train.context == changed.train.context}};
  for (const auto& [key, same] : fixed)
    if (!same)
      return {Code::kInvalidArgument,
              fmt::format("{} cannot be changed on --resume: the checkpoints of {} would not fit. "
                          "Start a new run",
                          key, options.resume)};
  return {};
}

Result<Plan> make_plan(const TrainOptions& options) {
  Result<LoadedRecipe> loaded = read_recipe(options);
  // A recipe that is not there is the command's mistake; what it names is the machine's lack.
  if (!loaded.ok()) return Status(Code::kInvalidArgument, loaded.status().message());
  Plan plan;
  plan.loaded = std::move(*loaded);
  plan.warnings = plan.loaded.warnings;
  const Recipe& recipe = plan.loaded.recipe;
  if (recipe.train.precision == "bf16" && !this_machine().cpu.has_bf16())
    plan.warnings.push_back(
        "train.precision: this processor has no bf16 units: bf16 is about 10 times slower than "
        "fp32 here");

  if (const Status status = check_resumable(options, recipe); !status.ok()) return status;
  if (transport_of(recipe) == "nccl")
    if (const Status status = check_nccl(); !status.ok()) return status;
  if (const Status status = check_address(options.listen, options.insecure); !status.ok())
    return status.with_context("--listen");
  if (options.resume.empty())
    if (const Status status = check_runs(options.runs); !status.ok()) return status;

  const Result<LlamaConfig> model = model_config(recipe);
  if (!model.ok()) return model.status();
  Result<Arithmetic> sums = arithmetic(recipe, *model);
  if (!sums.ok()) return sums.status();
  plan.sums = std::move(*sums);
  const Result<TrainingData> data = TrainingData::open(recipe, model->vocab, 0);
  if (!data.ok()) return data.status();
  plan.loaded.recipe.data.format = data->format();
  if (options.resume.empty()) return plan;
  Result<LastWhole> last = CheckpointStore(options.resume).find_last_whole();
  if (!last.ok()) return Status(Code::kInvalidArgument, last.status().message());
  plan.checkpoint = std::move(*last);
  return plan;
}

Result<RunFolder> open_folder(const TrainOptions& options, const Recipe& recipe) {
  RunStart start;
  start.command = {"outrigger", "train"};
  if (!options.recipe.empty()) start.command.push_back(options.recipe);
  for (const std::string& setting : options.overrides) start.command.push_back(setting);
  start.threads = static_cast<unsigned>(threads_each(recipe));
  const std::string text = resolved_yaml(recipe);
  if (options.resume.empty()) return RunFolder::create(options.runs, recipe.name, text, start);
  start.command.insert(start.command.begin() + 2, {"--resume", options.resume});
  Result<RunFolder> folder = RunFolder::reopen(options.resume, start);
  if (!folder.ok() || options.overrides.empty()) return folder;
  const Status written = write_file_atomically(folder->recipe(), text);
  if (!written.ok()) return written;
  return folder;
}

JobSpec job_spec(const TrainOptions& options, const Plan& plan, const RunFolder& folder) {
  const std::string program = this_program();
  const std::string job = fs::path(folder.path()).lexically_normal().filename().string();
  JobSpec spec;
  spec.coordinator.island = "coordinator";
  spec.coordinator.argv = {
      program,        "coordinator", folder.recipe(),
      "--job",        job,           "--listen",
      options.listen, "--journal",   (fs::path(folder.path()) / "coordinator.db").string()};
  if (plan.checkpoint) spec.coordinator.argv.push_back("--new-life");
  if (options.insecure) spec.coordinator.argv.push_back("--insecure");
  for (const std::string& name : plan.loaded.recipe.islands.names) {
    ChildSpec island;
    island.island = name;
    island.argv = {program, "island",        folder.recipe(), "--name", name,         "--job",
                   job,     "--coordinator", "{coordinator}", "--run",  folder.path()};
    if (plan.checkpoint) {
      island.argv.push_back("--from");
      island.argv.push_back(plan.checkpoint->checkpoint.path);
    }
    if (options.insecure) island.argv.push_back("--insecure");
    spec.islands.push_back(std::move(island));
  }
  return spec;
}

}  // namespace

int run_train(const TrainOptions& wanted, const Print& out, const Print& error) {
  SignalWatch signals;
  TrainOptions options = wanted;
  options.resume = plain_folder(wanted.resume);
  const Result<Plan> plan = make_plan(options);
  if (!plan.ok()) {
    error(plan.status().message());
    return exit_code_of(plan.status().code());
  }
  const Recipe& recipe = plan->loaded.recipe;
  for (const std::string& warning : plan->warnings) error("warning: " + warning);
  out(to_text(plan->sums, recipe));
  if (plan->checkpoint) {
    for (const std::string& reason : plan->checkpoint->passed_over) error("warning: " + reason);
    out(fmt::format("resume    {}\n", plan->checkpoint->checkpoint.path));
  }
  if (options.dry_run) {
    out("dry run: everything is in order; nothing was started\n");
    return kExitDone;
  }

  const Result<RunFolder> folder = open_folder(options, recipe);
  if (!folder.ok()) {
    error(folder.status().message());
    return exit_code_of(folder.status().code());
  }
  out(fmt::format("run       {}\n", folder->path()));
  RunJobOptions show;
  show.total_steps = static_cast<std::uint64_t>(recipe.train.steps);
  show.console = recipe.metrics.console;
  show.jsonl = recipe.metrics.jsonl;
  return run_job(*folder, job_spec(options, *plan, *folder), show, signals).exit_code;
}

}  // namespace outrigger
