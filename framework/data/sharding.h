#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <outrigger/comm/status.h>
#include <outrigger/framework/data/assign.h>
#include <outrigger/framework/data/order.h>

namespace outrigger {

// What a sample index means on an island.
enum class Sharding {
  kShared,      // every island draws from the whole training part: the union is the job's samples
  kContiguous,  // each island draws from its own section of it, so that islands see unlike data
};

// InvalidArgument for another name; the message lists them.
Result<Sharding> sharding_from_name(std::string_view name);  // "shared", "contiguous"

struct SamplerOptions {
  TokenRange train;
  std::int64_t context = 0;
  std::int64_t batch = 0;  // the job's samples per inner step
  std::uint64_t seed = 0;
  Sharding sharding = Sharding::kShared;
};

// Where the windows start that one member trains on, inner step by inner step. Pure: any member can
// say what any other reads, and a resumed job goes on where it was.
class Sampler {
 public:
  // InvalidArgument: a batch smaller than `members`, or too few tokens (kContiguous cuts the
  // training part into `members` sections and each needs a window). REQUIRES: 0 <= member <
  // members.
  static Result<Sampler> create(const SamplerOptions& options, std::int64_t members,
                                std::int64_t member);

  // One start per sample of this member's part of the job's inner step (counted from 0).
  std::vector<std::int64_t> window_starts(std::int64_t step) const;
  std::int64_t samples_per_step() const;               // of this member
  const SampleOrder& order() const { return order_; }  // of the part of the corpus it draws from

 private:
  Sampler(const SamplerOptions& options, std::int64_t members, std::int64_t member,
          SampleOrder order);

  SamplerOptions options_;
  std::int64_t members_;
  std::int64_t member_;
  SampleOrder order_;
};

// Section `member` of `members` sections whose sizes differ by at most one token.
TokenRange section(TokenRange tokens, std::int64_t members, std::int64_t member);

}  // namespace outrigger
