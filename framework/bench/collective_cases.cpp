#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <outrigger/framework/bench/collective_bench.h>
#include <outrigger/framework/cli/checkup.h>
#include <outrigger/framework/launch/machine.h>
#include <outrigger/optim/sync/options.h>

namespace outrigger {
namespace {

constexpr double kBytesOfMb = 1e6;
constexpr double kLargestMb = 1e6;
// Of a member, in tensors: the tensor, the result's, the encoded ones, and what a collective holds.
constexpr double kTensorsHeld = 6;

Status refused(const std::string& text) {
  return {Code::kInvalidArgument, text};
}

Status check_sizes(const char* option, const std::vector<double>& sizes) {
  for (const double mb : sizes)
    if (!(mb * kBytesOfMb >= 4) || mb > kLargestMb)
      return refused(
          fmt::format("{}: {} is out of range; give 0.000004 to {:.0f}", option, mb, kLargestMb));
  return {};
}

double largest(const std::vector<double>& sizes) {
  return sizes.empty() ? 0 : std::ranges::max(sizes) * kBytesOfMb;
}

Status check_memory(const CollectiveBenchOptions& options, std::size_t here) {
  const double needed = std::max(static_cast<double>(here) * kTensorsHeld * largest(options.mb),
                                 2 * largest(options.payload_mb));
  const double free = free_memory();
  if (needed <= free) return {};
  return refused(
      fmt::format("--mb: {} members on this machine need {} of memory, and {} are free; "
                  "give smaller sizes or fewer members",
                  here, size_text(needed), size_text(free)));
}

Status check_owners(const CollectiveBenchOptions& options, std::size_t members) {
  for (const std::size_t owner : options.owners)
    if (owner >= members)
      return refused(fmt::format("--owners: there is no member {} among {}; give 0 to {}", owner,
                                 members, members - 1));
  return {};
}

Result<const Collective*> find_measured(const std::string& name,
                                        const CollectiveBenchOptions& options) {
  if (name == "gossip")
    return refused(
        "--collectives: gossip's members end with unlike results by design, which this "
        "bench takes for an error; give another");
  if (name == "all_reduce" && options.wire.transport != "nccl")
    return refused("--collectives: all_reduce is NCCL's; give --transport nccl, or another");
  if (name == "all_reduce" && options.codecs != std::vector<std::string>{"fp32"})
    return refused("--codecs: all_reduce has NCCL add up plain fp32; give --codecs fp32");
  const Result<const Collective*> found = find_collective(name);
  if (!found.ok()) return found.status().with_context("--collectives");
  return found;
}

// As training does it: the same `auto`, the same refusals.
Result<const Codec*> find_result(const CollectiveBenchOptions& options, const std::string& codec,
                                 std::size_t members) {
  DiLoCoOptions method;
  method.codec = codec;
  method.result_codec = options.result_codec;
  const Result<const Codec*> known = find_codec(codec);
  if (!known.ok()) return known.status().with_context("--codecs");
  const Result<Method> made = make_method(method, members);
  if (!made.ok()) return made.status().with_context("--result-codec");
  return made->result_codec;
}

}  // namespace

Status check_collective_bench(const CollectiveBenchOptions& options, std::size_t here) {
  if (options.repeats < 1)
    return refused(fmt::format("--repeat: {} is too few; give at least 1", options.repeats));
  if (const unsigned cores = this_machine().cores; options.threads < 1 || options.threads > cores)
    return refused(fmt::format("--threads: {} is out of range; this process may use 1 to {}",
                               options.threads, cores));
  if (Status status = check_wire(options.wire); !status.ok()) return status;
  if (Status status = check_sizes("--mb", options.mb); !status.ok()) return status;
  if (Status status = check_sizes("--payload-mb", options.payload_mb); !status.ok()) return status;
  for (const std::size_t members : options.members) {
    if (members < 2 || members > 64)
      return refused(fmt::format("--members: {} is out of range; give 2 to 64", members));
    if (const auto cases = cases_of(options, members); !cases.ok()) return cases.status();
  }
  return check_memory(options, here);
}

Result<std::vector<CollectiveCase>> cases_of(const CollectiveBenchOptions& options,
                                             std::size_t members) {
  if (Status status = check_owners(options, members); !status.ok()) return status;
  std::vector<CollectiveCase> cases;
  for (const std::string& name : options.collectives) {
    const Result<const Collective*> collective = find_measured(name, options);
    if (!collective.ok()) return collective.status();
    for (const std::string& codec : options.codecs) {
      const Result<const Codec*> result = find_result(options, codec, members);
      if (!result.ok()) return result.status();
      for (const double mb : options.mb) {
        CollectiveCase& made = cases.emplace_back();
        made.mb = mb;
        made.exchange.collective = *collective;
        made.exchange.elements =
            static_cast<std::size_t>(std::llround(mb * kBytesOfMb / sizeof(float)));
        made.exchange.codec = *find_codec(codec);
        made.exchange.result_codec = &(*collective)->result_codec(**result);
        made.exchange.owners = options.owners;
        for (std::size_t k = 0; k < members && options.owners.empty(); ++k)
          made.exchange.owners.push_back(k);
      }
    }
  }
  return cases;
}

}  // namespace outrigger
