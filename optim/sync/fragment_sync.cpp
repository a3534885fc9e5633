#include <outrigger/optim/sync/fragment_sync.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <outrigger/optim/aggregate/mean.h>
#include <outrigger/optim/inner/corrections.h>
#include <outrigger/optim/sync/eager.h>
#include <outrigger/optim/sync/merge.h>
#include <outrigger/optim/sync/tensor_norms.h>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

RoundFacts facts_of(const RoundOutcome& outcome, const Borders& borders) {
  return {outcome.contributors, outcome.weights, outcome.norms, borders};
}

}  // namespace

FragmentSync::FragmentSync(Session& session, const Method& method, const Fragment& fragment,
                           SharedState::Fragment& shared, PrivateState::Fragment& own)
    : session_(session),
      method_(method),
      fragment_(fragment),
      shared_(shared),
      own_(own),
      payload_(shared.global.size(), method.two_parts()) {}

template <class Visit>
void FragmentSync::each_block(Visit visit) const {
  for (std::size_t offset = 0; offset < elements(); offset += kDriverBlock)
    visit(offset, std::min(kDriverBlock, elements() - offset));
}

void FragmentSync::correct_gradients() {
  const DiLoCoOptions& options = method_.options;
  if (options.proximal == 0 && !options.control_variates) return;
  ++own_.gradients;
  for (std::size_t t = 0; t < fragment_.parameters.size(); ++t) {
    at::Tensor parameter = fragment_.parameters[t].tensor;
    at::Tensor& gradient = parameter.mutable_grad();
    if (!gradient.defined()) continue;
    gradient = gradient.contiguous();
    const std::size_t begin = fragment_.borders[t], count = fragment_.borders[t + 1] - begin;
    const std::span<float> g(gradient.data_ptr<float>(), count);
    if (options.control_variates) {
      const std::span<float> sum = std::span(own_.gradient_sum).subspan(begin, count);
      for (std::size_t i = 0; i < count; ++i) sum[i] += g[i];
      add_control(g, std::span(shared_.variate).subspan(begin, count),
                  std::span(own_.variate).subspan(begin, count));
    }
    if (options.proximal != 0)
      add_proximal(g, fragment_.local.spans()[t], global(begin, count),
                   static_cast<float>(options.proximal));
  }
}

// The version that the next round starts from: of the newest settled round, applied or not.
Version FragmentSync::newest() const {
  return own_.open.empty() ? shared_.version : own_.open.back().outcome->version;
}

void FragmentSync::decode_own(const OpenRound& open, std::size_t offset,
                              std::span<float> values) const {
  throw_if_error(decode_at(*method_.codec, *open.encoded, offset, values));
}

// theta_global - theta_local, without what open rounds include of this island and theta_local still
// holds: at tau = H that work would count twice.
void FragmentSync::read_own_delta(std::size_t offset, std::span<float> delta) const {
  read_delta(shared_.global, fragment_.local, offset, delta);
  Block block;
  const std::span<float> kept = std::span(block).first(delta.size());
  for (const OpenRound& open : own_.open) {
    if (!open.finite) continue;
    if (method_.options.eager) {  // theta_local stands on theta_global + correction
      if (&open != &own_.open.back() || open.held == 0) continue;
      decode_own(open, offset, kept);
      eager_correct(*method_.outer->linear(), open.share, kept,
                    std::span(own_.lead).subspan(offset, delta.size()), delta);
    } else if (open.outcome->included && open.held > 0) {
      decode_own(open, offset, kept);
      const float held = static_cast<float>(open.held);
      for (std::size_t i = 0; i < delta.size(); ++i) delta[i] -= held * kept[i];
    }
  }
}

void FragmentSync::fill_second(std::size_t offset, std::span<float> values) const {
  if (method_.gossips()) {
    std::copy_n(shared_.global.begin() + static_cast<std::ptrdiff_t>(offset), values.size(),
                values.begin());
    return;
  }
  const float count = static_cast<float>(std::max<std::uint64_t>(1, own_.gradients));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = own_.gradient_sum[offset + i] / count;
}

FragmentSync::Launched FragmentSync::launch(const DeltaHook& hook) {
  const Version base = newest();
  OpenRound open;
  open.round = {shared_.version.fragment, base.number};
  open.tokens = own_.tokens;
  open.share = estimated_share();

  TensorNorms norms(fragment_.borders);
  auto encoded = std::make_shared<std::vector<std::byte>>(
      method_.codec->encoded_bytes(payload_.elements()));
  const auto fill = [&](std::size_t offset, std::span<float> values) {
    std::ranges::fill(values, 0.0F);
    if (offset < elements()) {
      const std::span<float> delta = values.first(std::min(values.size(), elements() - offset));
      read_own_delta(offset, delta);
      if (hook) hook(open.round, offset, delta);
      norms.add(offset, delta);
    } else {
      fill_second(offset - payload_.second(), values);
    }
  };
  open.finite = encode_each(*method_.codec, payload_.elements(), fill, *encoded);
  open.encoded = encoded;
  std::ranges::fill(own_.gradient_sum, 0.0F);
  own_.gradients = 0;

  Contribution contribution;
  contribution.round = open.round;
  contribution.base = base;
  contribution.tokens = open.tokens;
  contribution.norms = norms.norms();
  contribution.finite = open.finite;
  contribution.elements = payload_.elements();
  contribution.codec = method_.codec;
  contribution.result_codec = method_.result_codec;
  contribution.reducer =
      payload_.reducer(method_.aggregation->reducer(fragment_.borders, shared_.statistics));
  contribution.encoded = open.encoded;
  const Launched launched{open.finite, contribution.norms[0]};
  if (!open.finite) contribution.norms.assign(contribution.norms.size(), 0);
  throw_if_error(session_.launch(std::move(contribution)));

  if (method_.options.eager && open.finite) {
    each_block([&](std::size_t offset, std::size_t count) {
      Block block;
      const std::span<float> delta = std::span(block).first(count);
      decode_own(open, offset, delta);
      eager_remember(*method_.outer->linear(), open.share, delta,
                     std::span(own_.lead).subspan(offset, count));
    });
  }
  own_.open.push_back(std::move(open));
  return launched;
}

// This island's part of the mean: as in the newest settled round, or as if all were equal.
double FragmentSync::estimated_share() const {
  if (!own_.open.empty() && own_.open.back().outcome->included) {
    const RoundOutcome& outcome = *own_.open.back().outcome;
    double total = 0, mine = 0;
    for (std::size_t k = 0; k < outcome.weights.size(); ++k) {
      total += static_cast<double>(outcome.weights[k]);
      if (outcome.contributors[k].island == session_.self().island)
        mine = static_cast<double>(outcome.weights[k]);
    }
    return mine / total;
  }
  return 1.0 / static_cast<double>(session_.peers().size());
}

void FragmentSync::settle(OpenRound& open) {
  if (open.outcome) return;
  RoundOutcome outcome = session_.wait(open.round).value_or_throw();
  check_continues(outcome);
  open.outcome = std::move(outcome);
  judge(open);
  if (!open.outcome->included) return;
  own_.tokens -= open.tokens;
  take_variate(open);
}

void FragmentSync::check_continues(const RoundOutcome& outcome) const {
  Version before = shared_.version;
  for (const OpenRound& open : own_.open)
    if (open.outcome) before = open.outcome->version;
  if (outcome.version.number == before.number + 1 &&
      outcome.version.chain == chain(before.chain, outcome.hash))
    return;
  throw Error(
      {Code::kCorruption,
       fmt::format("{} does not continue this island's history (version {}, chain {}): stop the "
                   "job and resume it from its last checkpoint",
                   to_string(outcome.round), before.number, before.chain.hex())});
}

void FragmentSync::judge(OpenRound& open) {
  const RoundOutcome& outcome = *open.outcome;
  for (const std::vector<double>& announced : outcome.norms)
    if (announced.size() != fragment_.borders.size())
      throw Error({Code::kFailedPrecondition,
                   fmt::format("{}: an island announced {} norms, this one's fragment has {} tensors: "
                               "their models differ",
                               to_string(outcome.round), announced.size(),
                               fragment_.parameters.size())});
  TensorNorms norms(fragment_.borders);
  if (method_.aggregation->needs_result_norms()) {
    each_block([&](std::size_t offset, std::size_t count) {
      Block block;
      const std::span<float> values = std::span(block).first(count);
      throw_if_error(decode_at(*outcome.codec, *outcome.bytes, offset, values));
      norms.add(offset, values);
    });
  }
  open.judgement =
      method_.aggregation->settle(facts_of(outcome, fragment_.borders), norms.norms(), shared_.statistics);
}

void FragmentSync::take_variate(const OpenRound& open) {
  if (own_.variate.empty()) return;
  each_block([&](std::size_t offset, std::size_t count) {
    throw_if_error(decode_at(*method_.codec, *open.encoded, payload_.second() + offset,
                             std::span(own_.variate).subspan(offset, count)));
  });
}

void FragmentSync::scale(const Judgement& judgement, std::size_t offset,
                         std::span<float> g) const {
  const std::vector<float>& scales = judgement.scales;
  if (scales.empty()) return;
  if (scales.size() == 1) {
    for (float& value : g) value *= scales[0];
    return;
  }
  for (std::size_t t = 0; t < scales.size(); ++t) {
    const std::size_t begin = std::max(fragment_.borders[t], offset);
    const std::size_t end = std::min(fragment_.borders[t + 1], offset + g.size());
    for (std::size_t i = begin; i < end; ++i) g[i - offset] *= scales[t];
  }
}

void FragmentSync::step_block(const OpenRound& open, std::size_t offset, std::span<float> g) {
  const RoundOutcome& outcome = *open.outcome;
  std::vector<std::span<float>> slots;
  for (std::vector<float>& slot : shared_.slots)
    slots.push_back(std::span(slot).subspan(offset, g.size()));
  OuterStep step;
  step.round = open.round.number;
  step.lr_factor = method_.lr_factor(step.round);
  Block second_block;
  const std::span<float> second = std::span(second_block).first(g.size());
  if (method_.two_parts())
    throw_if_error(decode_at(*outcome.codec, *outcome.bytes, payload_.second() + offset, second));
  if (method_.gossips()) step.peer_mean = second;
  if (!shared_.variate.empty())
    std::ranges::copy(second, shared_.variate.begin() + static_cast<std::ptrdiff_t>(offset));
  method_.outer->step_block(global(offset, g.size()), g, slots, step);
}

FragmentSync::Merge FragmentSync::merge_of(const OpenRound& open, Merging merging) const {
  if (merging == Merging::kOverwrite || open.judgement.skip) return Merge::kOverwrite;
  if (merging == Merging::kCarry || method_.options.merge == "carry") return Merge::kCarry;
  return method_.options.eager ? Merge::kNone : Merge::kMix;
}

void FragmentSync::merge_block(const OpenRound& open, Merge merge, std::size_t offset,
                               std::span<float> before) const {
  if (merge == Merge::kNone) return;
  const std::span<const float> after =
      std::span(shared_.global).subspan(offset, before.size());
  Block local_block, kept_block = {};
  const std::span<float> local = std::span(local_block).first(before.size());
  const std::span<float> kept = std::span(kept_block).first(before.size());
  read_block(fragment_.local, offset, local);
  if (open.finite && merge == Merge::kCarry) decode_own(open, offset, kept);
  switch (merge) {
    case Merge::kOverwrite:
      mix(local, after, 0);
      break;
    case Merge::kMix:
      mix(local, after, static_cast<float>(method_.options.alpha));
      break;
    case Merge::kCarry:
      if (method_.options.eager && open.held > 0) {  // what is past the correction is all that is not in a round
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
}

RoundOutcome FragmentSync::apply(Merging merging) {
  settle(own_.open.front());
  const OpenRound open = std::move(own_.open.front());
  own_.open.pop_front();
  const RoundOutcome& outcome = *open.outcome;
  const Merge merge = merge_of(open, merging);
  each_block([&](std::size_t offset, std::size_t count) {
    Block before_block, g_block;
    const std::span<float> before = std::span(before_block).first(count);
    std::ranges::copy(global(offset, count), before.begin());
    if (!open.judgement.skip) {
      const std::span<float> g = std::span(g_block).first(count);
      throw_if_error(decode_at(*outcome.codec, *outcome.bytes, offset, g));
      scale(open.judgement, offset, g);
      step_block(open, offset, g);
    }
    merge_block(open, merge, offset, before);
  });
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
  each_block([&](std::size_t offset, std::size_t count) {
    Block local_block, kept_block;
    const std::span<float> local = std::span(local_block).first(count);
    const std::span<float> kept = std::span(kept_block).first(count);
    std::ranges::copy(global(offset, count), local.begin());
    if (newest.finite && newest.held > 0) {
      decode_own(newest, offset, kept);
      eager_correct(*method_.outer->linear(), newest.share, kept,
                    std::span(own_.lead).subspan(offset, count), local);
    }
    write_block(fragment_.local, offset, local);
  });
}

RoundOutcome FragmentSync::average() {
  const Codec* fp32 = find_codec("fp32").value_or_throw();
  auto encoded = std::make_shared<std::vector<std::byte>>(fp32->encoded_bytes(elements()));
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
  check_continues(outcome);
  throw_if_error(decode_each(
      *outcome.codec, *outcome.bytes, elements(),
      [&](std::size_t offset, std::span<const float> mean) {
        std::ranges::copy(mean, global(offset, mean.size()).begin());
      }));
  write_block(fragment_.local, 0, shared_.global);
  for (std::vector<float>& slot : shared_.slots) std::ranges::fill(slot, 0.0F);
  shared_.version = outcome.version;
  own_.tokens = 0;
  throw_if_error(session_.applied(outcome.round, outcome.version));
  return outcome;
}

void FragmentSync::start_over() {
  write_block(fragment_.local, 0, shared_.global);
  own_.tokens = 0;
  std::ranges::fill(own_.lead, 0.0F);
  std::ranges::fill(own_.gradient_sum, 0.0F);
  own_.gradients = 0;
  for (OpenRound& open : own_.open) {
    open.held = 0;
    open.tokens = 0;
  }
}

}  // namespace outrigger
