#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <outrigger/comm/clock.h>

namespace outrigger {

// A recipe, typed: what one job is. The member initializers are the defaults; keys.cpp says for
// each key what it means and which values it takes; load.h reads one from YAML and refuses what is
// wrong. A loaded recipe is complete: paths are absolute, model.kv_heads and model.ffn are the
// sizes that are used. nullopt stands for `auto`.

struct IslandsRecipe {
  std::vector<std::string> names = {"island-0",
                                    "island-1"};  // their order is the order of the roster
  std::vector<std::string> sites;  // one a name, or none at all: where the islands are
  bool operator==(const IslandsRecipe&) const = default;
};

struct ModelRecipe {
  std::int64_t layers = 4;
  std::int64_t hidden = 128;
  std::int64_t heads = 4;
  std::int64_t kv_heads = 0;  // 0: as many as heads; the loader fills it in
  std::int64_t ffn = 0;       // 0: 8/3 of hidden, rounded up to 32; the loader fills it in
  std::int64_t vocab = 256;
  double rope_theta = 10000;
  double norm_eps = 1e-5;
  bool tied = false;
  double init_std = 0.02;
  std::string load;  // a Hugging Face folder; not empty: the sizes above are not the model's, its
                     // config.json's are
  bool operator==(const ModelRecipe&) const = default;
};

struct DataRecipe {
  std::vector<std::string> files;
  std::string format = "auto";  // auto, text, llmc, raw_u16
  std::string corpus;           // "" or kjv
  double eval_fraction = 0.05;
  std::string sharding = "shared";  // shared, contiguous
  bool operator==(const DataRecipe&) const = default;
};

struct ScheduleRecipe {
  std::string kind = "cosine";  // constant, linear, cosine
  std::int64_t warmup = 50;     // inner steps
  double final = 0.1;           // learning rate at the last step, as a fraction of inner.lr
  bool operator==(const ScheduleRecipe&) const = default;
};

struct InnerRecipe {
  std::string optimizer = "adamw";  // adamw, sgd, lion, muon
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-8;
  double weight_decay = 0.1;
  std::string decay = "all";             // all, matrices
  std::optional<double> momentum;        // of sgd (auto: 0) and muon (auto: 0.9)
  std::string newton_schulz = "muloco";  // muloco, keller
  std::string scale = "spectral_norm";   // spectral_norm, rms_norm
  bool nesterov = false;                 // of muon
  double adamw_lr = 1.0;                 // of muon's AdamW, as a factor on lr
  double clip = 1.0;                     // norm of the whole gradient; 0: off
  ScheduleRecipe schedule;
  bool operator==(const InnerRecipe&) const = default;
};

struct OuterScheduleRecipe {
  std::string kind = "constant";  // constant, linear, cosine
  std::int64_t warmup = 0;        // rounds
  double final = 0.1;             // learning rate at the last round, as a fraction of outer.lr
  bool operator==(const OuterScheduleRecipe&) const = default;
};

struct OuterRecipe {
  std::string optimizer = "nesterov";  // nesterov, heavy_ball, sgd, adam, adagrad, yogi,
                                       // delayed_nesterov, noloco
  double lr = 0.7;
  double momentum = 0.9;
  std::array<double, 2> betas = {0.9, 0.99};
  double eps = 1e-3;
  OuterScheduleRecipe schedule;
  double early_momentum = 0;  // delayed_nesterov's c
  bool operator==(const OuterRecipe&) const = default;
};

struct EditRecipe {
  std::int64_t history = 120;  // rounds
  double clip = 10;
  bool operator==(const EditRecipe&) const = default;
};

struct LowRankRecipe {
  std::int64_t rank = 0;  // 0: off
  bool adaptive = false;
  std::int64_t least = 1;
  double lost_energy = 0.01;
  bool operator==(const LowRankRecipe&) const = default;
};

struct SyncRecipe {
  bool enabled = true;
  std::int64_t every = 50;                  // inner steps between two rounds (H)
  std::string codec = "fp32";               // that find_codec knows
  std::string result_codec = "auto";        // auto, or a dense one
  double error_feedback = 0;                // beta; 0: off
  std::string feedback = "residual";        // residual, econtrol
  std::string rounding = "nearest";         // nearest, stochastic
  std::int64_t fragments = 1;               // P
  std::string pattern = "strided";          // strided, sequential, balanced
  std::vector<std::string> fragment_names;  // instead: shell patterns, one entry a fragment
  std::int64_t delay = 0;                   // inner steps from a launch to its apply (tau)
  std::string merge = "mix";                // mix, carry
  double alpha = 0;
  bool eager = false;
  double proximal = 0;
  bool control_variates = false;
  std::string aggregate = "mean";  // mean, uniform, norm_clip, edit, rda, median, trimmed_mean,
                                   // sign_vote
  double clip = 0;                 // norm_clip: 0 is the median of the norms
  double trim = 0.2;               // trimmed_mean
  EditRecipe edit;
  LowRankRecipe low_rank;
  bool operator==(const SyncRecipe&) const = default;
};

struct CommRecipe {
  std::string transport = "grpc";     // grpc, nccl
  std::string topology = "auto";      // auto, direct, gather, star, ring, hierarchical, all_reduce
  std::string ring_order = "roster";  // roster, measured
  std::int64_t channels = 4;          // GrpcOptions::channels
  bool operator==(const CommRecipe&) const = default;
};

struct TimeoutRecipe {
  Duration min = std::chrono::seconds(5);
  Duration max = std::chrono::minutes(10);
  bool operator==(const TimeoutRecipe&) const = default;
};

struct MembershipRecipe {
  TimeoutRecipe timeout;
  bool operator==(const MembershipRecipe&) const = default;
};

struct TrainRecipe {
  std::int64_t steps = 500;                 // inner steps of each island
  std::int64_t batch = 32;                  // sequences an inner step, of the whole job
  std::optional<std::int64_t> micro_batch;  // sequences an island computes at once
  std::int64_t context = 128;               // tokens a sequence
  std::string precision = "fp32";           // fp32, bf16
  std::optional<std::int64_t> threads;      // of each island
  std::int64_t eval_every = 100;            // inner steps; 0: never
  std::int64_t eval_tokens = 65536;
  std::int64_t log_every = 10;  // inner steps
  bool operator==(const TrainRecipe&) const = default;
};

struct CheckpointRecipe {
  std::int64_t every = 200;  // inner steps; 0: only at the end
  std::int64_t keep = 3;
  bool operator==(const CheckpointRecipe&) const = default;
};

struct MetricsRecipe {
  bool console = true;
  bool jsonl = true;
  bool operator==(const MetricsRecipe&) const = default;
};

struct SampleRecipe {
  std::string prompt = "The ";
  std::int64_t tokens = 200;  // 0: no sample
  double temperature = 0.8;   // 0: the likeliest token each time
  std::int64_t top_k = 0;     // 0: off
  double top_p = 1.0;         // 1: off
  bool operator==(const SampleRecipe&) const = default;
};

struct ExperimentRecipe {
  std::string liar;               // an island's name, or empty
  std::string lie = "sign_flip";  // sign_flip, scale, random
  bool operator==(const ExperimentRecipe&) const = default;
};

struct Recipe {
  std::string name = "run";
  std::int64_t seed = 17;
  IslandsRecipe islands;
  ModelRecipe model;
  DataRecipe data;
  InnerRecipe inner;
  OuterRecipe outer;
  SyncRecipe sync;
  CommRecipe comm;
  MembershipRecipe membership;
  TrainRecipe train;
  CheckpointRecipe checkpoint;
  MetricsRecipe metrics;
  SampleRecipe sample;
  ExperimentRecipe experiment;
  bool operator==(const Recipe&) const = default;
};

// Rounds of a fragment in the whole training, a last short one included.
inline std::int64_t outer_rounds(const Recipe& recipe) {
  return (recipe.train.steps + recipe.sync.every - 1) / recipe.sync.every;
}

}  // namespace outrigger
