// FragmentSync: the outer step, and what it does to the local parameters.
#include <outrigger/optim/sync/fragment_sync.h>

#include <algorithm>
#include <array>

#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/aggregate/sums.h>
#include <outrigger/optim/sync/eager.h>
#include <outrigger/optim/sync/merge.h>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

}  // namespace

void FragmentSync::scale(const Judgement& judgement, std::size_t offset, std::span<float> g) const {
  const std::vector<float>& scales = judgement.scales;
  if (scales.empty()) return;
  if (scales.size() == 1) {
    for (float& value : g) value *= scales[0];
    return;
  }
  for_each_tensor(fragment_.borders, offset, g.size(),
                  [&](std::size_t tensor, std::size_t begin, std::size_t end) {
                    for (std::size_t i = begin; i < end; ++i) g[i] *= scales[tensor];
                  });
}

Status FragmentSync::step_block(const OpenRound& open, std::size_t offset, std::span<float> g) {
  const RoundOutcome& outcome = *open.outcome;
  OuterStep step;
  step.round = outer_round(open);
  step.lr_factor = method_.lr_factor(step.round);
  Block second_block;
  const std::span<float> second = std::span(second_block).first(g.size());
  if (method_.two_parts())
    if (Status status =
            decode_at(*outcome.codec, *outcome.bytes, payload_.second() + offset, second);
        !status.ok())
      return status;
  if (method_.gossips()) step.peer_mean = second;
  if (!shared_.variate.empty())
    std::ranges::copy(second, shared_.variate.begin() + static_cast<std::ptrdiff_t>(offset));
  method_.outer->step_block(global(offset, g.size()), g, slots_at(shared_, offset, g.size()), step);
  return {};
}

FragmentSync::Merge FragmentSync::merge_of(const OpenRound& open, Merging merging) const {
  if (merging == Merging::kOverwrite || open.judgement.skip) return Merge::kOverwrite;
  if (merging == Merging::kCarry || method_.options.merge == "carry") return Merge::kCarry;
  return method_.options.eager ? Merge::kNone : Merge::kMix;
}

Status FragmentSync::merge_block(const OpenRound& open, Merge merge, std::size_t offset,
                                 std::span<float> before) const {
  if (merge == Merge::kNone) return {};
  const std::span<const float> after = std::span(shared_.global).subspan(offset, before.size());
  Block local_block, kept_block;
  const std::span<float> local = std::span(local_block).first(before.size());
  const std::span<float> kept = std::span(kept_block).first(before.size());
  read_block(fragment_.local, offset, local);
  if (merge == Merge::kCarry) std::ranges::fill(kept, 0.0F);
  if (open.finite && merge == Merge::kCarry)
    if (Status status = read_included(open, offset, kept); !status.ok()) return status;
  switch (merge) {
    case Merge::kOverwrite:
      mix(local, after, 0);
      break;
    case Merge::kMix:
      mix(local, after, static_cast<float>(method_.options.alpha));
      break;
    case Merge::kCarry:
      if (method_.options.eager &&
          open.held > 0) {  // what is past the correction is all that is not in a round
        eager_correct(*method_.outer->linear(), open.share, kept,
                      std::span(own_.lead).subspan(offset, before.size()), before);
      }
      carry(local, before, after, kept,
            method_.options.eager ? 0.0F : static_cast<float>(open.held));
      break;
    case Merge::kNone:
      break;
  }
  write_block(fragment_.local, offset, local);
  return {};
}

RoundOutcome FragmentSync::apply(Merging merging) {
  settle(own_.open.front());
  OpenRound open = std::move(own_.open.front());
  own_.open.pop_front();
  const RoundOutcome& outcome = *open.outcome;
  const Merge merge = merge_of(open, merging);
  const std::size_t islands = session_.peers().size();
  each_block([&](std::size_t offset, std::size_t count) -> Status {
    Block before_block, g_block;
    const std::span<float> before = std::span(before_block).first(count);
    std::ranges::copy(global(offset, count), before.begin());
    if (!open.judgement.skip) {
      const std::span<float> g = std::span(g_block).first(count);
      Status status = read_result(open, offset, g);
      if (!status.ok()) return status;
      if (!shared_.estimate.empty())
        add_estimate(g, std::span(shared_.estimate).subspan(offset, count),
                     outcome.contributors.size(), islands);
      scale(open.judgement, offset, g);
      if (status = step_block(open, offset, g); !status.ok()) return status;
    }
    return merge_block(open, merge, offset, before);
  });
  if (!open.delta.empty()) spare_.push_back(std::move(open.delta));
  shared_.version = outcome.version;
  if (merging == Merging::kCarry) std::ranges::fill(own_.lead, 0.0F);  // all of it is global now
  if (merge == Merge::kOverwrite || merge == Merge::kMix)
    for (OpenRound& other : own_.open)
      other.held *= merge == Merge::kMix ? method_.options.alpha : 0;
  if (!open.restored) throw_if_error(session_.applied(outcome.round, outcome.version));
  return outcome;
}

void FragmentSync::place_eagerly() {
  const OpenRound& newest = own_.open.back();
  each_block([&](std::size_t offset, std::size_t count) -> Status {
    Block local_block, kept_block;
    const std::span<float> local = std::span(local_block).first(count);
    const std::span<float> kept = std::span(kept_block).first(count);
    std::ranges::copy(global(offset, count), local.begin());
    if (newest.finite && newest.held > 0) {
      if (Status status = decode_own(newest, offset, kept); !status.ok()) return status;
      eager_correct(*method_.outer->linear(), newest.share, kept,
                    std::span(own_.lead).subspan(offset, count), local);
    }
    write_block(fragment_.local, offset, local);
    return {};
  });
}

RoundOutcome FragmentSync::average() {
  const Codec* fp32 = find_codec("fp32").value_or_throw();
  const auto encoded = buffers_.take(fp32->encoded_bytes(elements()));
  Contribution contribution;
  contribution.finite = encode_each(
      *fp32, elements(),
      [&](std::size_t offset, std::span<float> out) { read_block(fragment_.local, offset, out); },
      *encoded);
  contribution.round = {shared_.version.fragment, shared_.version.number};
  contribution.base = shared_.version;
  contribution.tokens = own_.tokens;
  contribution.elements = elements();
  contribution.codec = contribution.result_codec = fp32;
  contribution.reducer = std::make_shared<MeanReducer>(/*uniform=*/true);
  contribution.encoded = encoded;
  contribution.topology = "direct";
  throw_if_error(session_.launch(std::move(contribution)));
  const RoundOutcome outcome =
      session_.wait({shared_.version.fragment, shared_.version.number}).value_or_throw();
  check_continues(shared_.version, outcome);
  throw_if_error(decode_all(*outcome.codec, *outcome.bytes, shared_.global));
  write_block(fragment_.local, 0, shared_.global);
  for (std::vector<float>& slot : shared_.slots) std::ranges::fill(slot, 0.0F);
  shared_.version = outcome.version;
  own_.tokens = 0;
  throw_if_error(session_.applied(outcome.round, outcome.version));
  return outcome;
}

}  // namespace outrigger
