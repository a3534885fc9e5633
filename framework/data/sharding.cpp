#include <outrigger/framework/data/sharding.h>

#include <fmt/format.h>

#include <utility>

namespace outrigger {

Result<Sharding> sharding_from_name(std::string_view name) {
  if (name == "shared") return Sharding::kShared;
  if (name == "contiguous") return Sharding::kContiguous;
  return Status(Code::kInvalidArgument,
                fmt::format("'{}' is no sharding; there are shared and contiguous", name));
}

TokenRange section(TokenRange tokens, std::int64_t members, std::int64_t member) {
  const SampleRange range = part({tokens.begin, tokens.end}, members, member);
  return {range.begin, range.end};
}

Result<Sampler> Sampler::create(const SamplerOptions& options, std::int64_t members,
                                std::int64_t member) {
  if (options.batch < members)
    return Status(Code::kInvalidArgument,
                  fmt::format("a batch of {} cannot be shared out among {} islands: it must be at "
                              "least {}",
                              options.batch, members, members));
  const bool own = options.sharding == Sharding::kContiguous;
  const TokenRange tokens = own ? section(options.train, members, member) : options.train;
  const std::uint64_t seed =
      own ? mix64(options.seed ^ mix64(static_cast<std::uint64_t>(member))) : options.seed;
  auto order = SampleOrder::create(tokens, options.context, seed);
  if (!order.ok())
    return own ? order.status().with_context(
                     fmt::format("section {} of {} of the training part", member, members))
               : order.status();
  return Sampler(options, members, member, std::move(*order));
}

Sampler::Sampler(const SamplerOptions& options, std::int64_t members, std::int64_t member,
                 SampleOrder order)
    : options_(options), members_(members), member_(member), order_(std::move(order)) {}

std::int64_t Sampler::samples_per_step() const {
  return part({0, options_.batch}, members_, member_).size();
}

// In a section of its own a member counts its own samples, so that it too sees every window once an
// epoch.
std::vector<std::int64_t> Sampler::window_starts(std::int64_t step) const {
  const SampleRange samples = options_.sharding == Sharding::kShared
                                  ? part(samples_of_step(step, options_.batch), members_, member_)
                                  : samples_of_step(step, samples_per_step());
  std::vector<std::int64_t> starts;
  for (std::int64_t sample = samples.begin; sample < samples.end; ++sample)
    starts.push_back(order_.position(sample));
  return starts;
}

}  // namespace outrigger
