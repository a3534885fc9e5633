#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/checkpoint/checkpoint.h>
#include <outrigger/framework/checkpoint/part.h>

namespace outrigger {

// What one process hands over when it commits.
struct Commit {
  std::int64_t step = 0;
  std::uint64_t attempt = 0;
  std::vector<PartReport> parts;  // of all writers
  nlohmann::json state = nlohmann::json::object();
  std::int64_t keep = 1;  // whole checkpoints that stay, this one included; at least 1
};

struct Committed {
  std::string path;
  Status cleaning;  // why old checkpoints could not be deleted; this one is whole all the same
};

struct LastWhole {
  Checkpoint checkpoint;
  std::vector<std::string> passed_over;  // newer ones that are not whole, and why: for the log
};

// The checkpoints of one run:
//   RUN/checkpoints/step-000200/{model.safetensors, outer.safetensors, islands/NAME.safetensors,
//   manifest.json}
//
// Writing one: every process calls stage() with the step and attempt they agreed on, calls
// write_part() there, and sends its reports to the one process that calls commit(). An attempt's
// number must never be used again for the same step. Killed at any moment, the disk full or a
// writer lost, the last committed checkpoint stays whole and is what find_last_whole() finds.
//
// Any number of processes may hold a store of the same run; one at a time commits.
class CheckpointStore {
 public:
  explicit CheckpointStore(std::string run_folder);

  // The folder that parts are written into; made if it is not there.
  Result<std::string> stage(std::int64_t step, std::uint64_t attempt) const;

  // Makes the staged parts the checkpoint of their step, atomically and durably; one of the same
  // step that is there already is replaced in the same moment. Then deletes old ones and leftovers.
  // Files that no report names are removed. NotFound: the staging folder is gone. InvalidArgument:
  // as print_manifest(), no part, or keep < 1. Corruption: a part is not as reported.
  // ResourceExhausted, PermissionDenied: the disk. On error the old checkpoints stay; the new one
  // is there only if the very last sync failed, whole but perhaps not durable.
  Result<Committed> commit(const Commit& commit) const;

  // Deletes what an attempt that will not be committed has staged, so that a full disk has room
  // again.
  Status discard(std::int64_t step, std::uint64_t attempt) const;

  // The newest checkpoint whose manifest and parts, hashes included, are whole. NotFound, with what
  // is wrong with each that is there, when none is.
  Result<LastWhole> find_last_whole() const;

 private:
  std::string run_folder_;
  std::string checkpoints_;
};

}  // namespace outrigger
