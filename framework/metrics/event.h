#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <outrigger/comm/status.h>

namespace outrigger {

// What a process of a job reports to whoever started it, one JSON object a line:
// {"event":"step","step":120,"loss":2.31,...}. The structs below, with their kKind and the table of
// fields in event.cpp, are the only place that names them; metrics.jsonl has the same names. A
// number that is not known is NaN here and null there.
inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Listening {  // the coordinator takes members
  static constexpr std::string_view kKind = "listening";
  std::string address;
};
struct Joined {  // the island is a member of the job
  static constexpr std::string_view kKind = "joined";
  std::string island;
};
struct StepDone {  // one inner step; sums count from this process's start
  static constexpr std::string_view kKind = "step";
  std::uint64_t step = 0;  // of the run
  double loss = kUnknown, lr = kUnknown, grad_norm = kUnknown;
  std::uint64_t tokens = 0;  // of this island
  double tokens_per_s = kUnknown;
  std::uint64_t bytes_sent = 0;
  double exposed_s = 0;  // spent waiting for outer rounds
  double train_s = 0;    // spent in inner steps
};
struct RoundDone {  // one outer round, as this island saw it
  static constexpr std::string_view kKind = "round";
  std::uint64_t fragment = 0, round = 0, step = 0;
  double encode_s = kUnknown, wait_s = kUnknown, exchange_s = kUnknown, commit_s = kUnknown,
         apply_s = kUnknown;
  std::uint64_t bytes_sent = 0, bytes_received = 0;
  std::string slowest;  // the island that was waited for longest; empty: none
  double pseudograd_norm = kUnknown;
  std::vector<std::string> contributors;  // in the order of aggregation
};
struct Evaluated {
  static constexpr std::string_view kKind = "eval";
  std::uint64_t step = 0;
  double loss = kUnknown;
};
struct CheckpointWritten {  // sent once the checkpoint is whole
  static constexpr std::string_view kKind = "checkpoint";
  std::uint64_t step = 0;
  std::string path;
};
struct Sampled {
  static constexpr std::string_view kKind = "sample";
  std::string text;
};
struct Logged {
  static constexpr std::string_view kKind = "log";
  std::string level;  // "info", "warning", "error"
  std::string message;
};
struct Failed {  // the process ends soon, with a non-zero exit code
  static constexpr std::string_view kKind = "failed";
  Code code = Code::kInternal;
  std::string message;
  std::string
      culprit;  // the island ("coordinator" for that) whose fault it is, if another's; else empty
};
struct Done {  // the process has done all its work
  static constexpr std::string_view kKind = "done";
  std::uint64_t step = 0;
  double eval_loss = kUnknown;
  std::uint64_t tokens = 0, bytes_sent = 0;
  double exposed_s = 0, train_s = 0;
};

using Event = std::variant<Listening, Joined, StepDone, RoundDone, Evaluated, CheckpointWritten,
                           Sampled, Logged, Failed, Done>;

// The event as JSON, without a newline inside or at the end. Bytes that are not UTF-8 are replaced.
std::string to_json(const Event& event);
// As metrics.jsonl has it: unix seconds and who reported come first.
std::string to_json(const Event& event, double unix_time, std::string_view source);
// Reads to_json's text. Fields that are missing keep their defaults, unknown ones are passed over
// (a newer child); InvalidArgument for anything else. Never throws.
Result<Event> parse_event(std::string_view json);

// One line (samples: several) for people, without a newline at the end.
std::string to_text(const Event& event);

}  // namespace outrigger
