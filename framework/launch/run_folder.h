#pragma once

#include <string>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// What is noted about a start of a run.
struct RunStart {
  std::vector<std::string> command;  // argv, as the user gave it
  unsigned threads = 0;              // of each worker
  std::string time;                  // local, "YYYYmmdd-HHMMSS"; empty: now
};

// A run's folder, open and locked:
//   recipe.yaml    the resolved recipe
//   run.json       {name, starts: [{time, version, commit, build, host, kernel, cpu, cores,
//                  threads, command}]}
//   metrics.jsonl  logs/  checkpoints/
//   coordinator    where the coordinator listens, or last did: host:port
//   lock           held (flock) by the supervisor and, through lock_fd(), by its children, so that
//                  nobody resumes a run whose last children are still writing their checkpoint;
//                  the supervisor's pid is in it
// Unlocks when it goes. Nothing is touched before create() or reopen(): validate the recipe first.
class RunFolder {
 public:
  // Makes <parent>/<name>-<time>/, with -2, -3, ... behind if that is taken. On failure nothing is
  // left behind, not even `parent` if it was missing. PermissionDenied or ResourceExhausted (exit
  // code 3).
  static Result<RunFolder> create(const std::string& parent, const std::string& name,
                                  const std::string& recipe, const RunStart& start);
  // To resume: adds the start to run.json. NotFound if the folder is no run folder,
  // FailedPrecondition if another supervisor, or children that one left, still use it; else as
  // create().
  static Result<RunFolder> reopen(const std::string& folder, const RunStart& start);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  static constexpr const char* kCoordinator = "coordinator";

  const std::string& path() const { return path_; }
  std::string recipe() const { return path_ + "/recipe.yaml"; }
  std::string coordinator() const { return path_ + "/" + kCoordinator; }
  std::string metrics() const { return path_ + "/metrics.jsonl"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string checkpoints() const { return path_ + "/checkpoints"; }
  int lock_fd() const { return lock_; }

 private:
  RunFolder(std::string path, int lock);

  std::string path_;
  int lock_;
};

}  // namespace outrigger
