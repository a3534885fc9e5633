#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <outrigger/comm/membership/session.h>
#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/trainer/replica.h>
#include <outrigger/optim/sync/synchronizer.h>

namespace outrigger {

// Checkpoints of a run: checkpoints/step-000200/ with the shared state once and each island's own
// part.
//
//   model.safetensors         theta_global under Hugging Face's names; with config.json a folder
//   that any reader of
//                             such models opens
//   outer.safetensors         the outer optimizer's buffers, "<parameter>.<slot>", and what else is
//                             shared: "<parameter>.variate", "fragment.<p>.statistics"
//   islands/<name>.safetensors  the island's parameters, "local.<parameter>", its inner optimizer's
//                             state, "inner.<name>", its open rounds, settled but not applied,
//                             "open.<fragment>.<round>.encoded" and ".result", and what its method
//                             keeps ("lead.", "variate.", "gradient_sum.", "anchor."; "global."
//                             where replicas differ); its counters are the file's metadata
//   manifest.json             versions and chain hashes, the hash of every part
//   (checkpoint/store.h)

struct SnapshotPlace {
  std::string run_folder;
  std::int64_t keep = 3;
  std::int64_t context = 0;  // train.context: what config.json gives as the longest input
  std::string island;
};

// Every member calls it at the same step; each writes its part, the first island the shared ones,
// and commits when all parts are reported. Waits for the outcomes of open rounds first.
// Returns what was committed on the first island, nothing on the others. On a failure the Status
// names the path, and the checkpoints before it are whole.
Result<std::optional<Committed>> save_snapshot(const SnapshotPlace& place, Session& session,
                                               Replica& replica, Synchronizer& sync);

struct Snapshot {
  SharedState shared;
  PrivateState own;
  // Of each fragment (asynchronous: each island): its newest committed round, applied or not.
  std::vector<Version> versions() const;
};

// Reads the shared state and the part of `island` from a checkpoint folder, and writes the island's
// parameters and inner state into the replica. FailedPrecondition when the checkpoint is of another
// model, method or island.
Result<Snapshot> load_snapshot(const std::string& folder, const std::string& island,
                               Replica& replica, const DiLoCoOptions& options, std::size_t islands);

}  // namespace outrigger
