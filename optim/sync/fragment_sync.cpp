// FragmentSync: gradients, launch and settle.
#include <outrigger/optim/sync/fragment_sync.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <outrigger/comm/codec/stretch.h>
#include <outrigger/optim/inner/corrections.h>
#include <outrigger/optim/sync/eager.h>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

void add(const RoundPhases& first, RoundPhases& phases) {
  phases.wait_s += first.wait_s;
  phases.exchange_s += first.exchange_s;
  phases.commit_s += first.commit_s;
  phases.bytes_sent += first.bytes_sent;
  phases.bytes_received += first.bytes_received;
}

RoundFacts facts_of(const RoundOutcome& outcome, const Borders& borders) {
  return {outcome.contributors, outcome.weights, outcome.norms, borders};
}

}  // namespace

FragmentSync::FragmentSync(Session& session, const Method& method, const Fragment& fragment,
                           SharedState::Fragment& shared, PrivateState::Fragment& own,
                           BufferPool buffers)
    : session_(session),
      method_(method),
      fragment_(fragment),
      shared_(shared),
      own_(own),
      payload_(shared.global.size(), method.two_parts()),
      buffers_(std::move(buffers)) {}

void FragmentSync::each_block(
    std::size_t threads,
    const std::function<Status(std::size_t offset, std::size_t count)>& visit) const {
  const std::size_t tile = method_.tile();
  throw_if_error(
      for_each_stretch(elements(), threads, [&](std::size_t begin, std::size_t end) -> Status {
        for (std::size_t offset = begin; offset < end; offset += tile)
          if (Status status = visit(offset, std::min(tile, end - offset)); !status.ok())
            return status;
        return {};
      }));
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
  Version version = shared_.version;
  for (const OpenRound& open : own_.open)
    if (open.outcome) version = open.outcome->version;
  return version;
}

Status FragmentSync::decode_own(const OpenRound& open, std::size_t offset,
                                std::span<float> values) const {
  return decode_at(*method_.codec, *open.encoded, offset, values);
}

// What of this island's own work a round takes care of: all of it, if what the encoding lost is fed
// back, or with factors (what they leave out is lost without feedback); else what was sent, and the
// rest stays in theta_local.
Status FragmentSync::read_included(const OpenRound& open, std::size_t offset,
                                   std::span<float> values) const {
  if (open.delta.empty()) return decode_own(open, offset, values);
  std::ranges::copy(std::span(open.delta).subspan(offset, values.size()), values.begin());
  return {};
}

// theta_global - theta_local, without what open rounds include of this island and theta_local still
// holds: at tau = H that work would count twice.
void FragmentSync::read_own_delta(std::size_t offset, std::span<float> delta) const {
  read_delta(shared_.global, fragment_.local, offset, delta);
  Block block;
  const std::span<float> kept = std::span(block).first(delta.size());
  for (const OpenRound& open : own_.open) {
    if (!open.finite || !open.outcome) continue;
    if (method_.options.eager) {  // theta_local stands on theta_global + correction
      if (&open != &own_.open.back() || open.held == 0) continue;
      throw_if_error(decode_own(open, offset, kept));
      eager_correct(*method_.outer->linear(), open.share, kept,
                    std::span(own_.lead).subspan(offset, delta.size()), delta);
    } else if (open.outcome->included && open.held > 0) {
      throw_if_error(read_included(open, offset, kept));
      const float held = static_cast<float>(open.held);
      for (std::size_t i = 0; i < delta.size(); ++i) delta[i] -= held * kept[i];
    }
  }
}

void FragmentSync::feed_back(std::size_t offset, std::span<float> delta) const {
  const FeedbackOptions& feedback = method_.options.feedback;
  if (!feedback.on()) return;
  add_residual(delta, std::span(own_.residual).subspan(offset, delta.size()), feedback.decay);
  if (feedback.econtrol())
    subtract_estimate(delta, std::span(own_.estimate).subspan(offset, delta.size()));
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

void FragmentSync::fill_block(OpenRound& open, const DeltaHook& hook, TensorNorms& norms,
                              std::size_t offset, std::span<float> values) const {
  if (offset >= payload_.second()) return fill_second(offset - payload_.second(), values);
  if (offset >= elements()) {  // the gap between the parts
    std::ranges::fill(values, 0.0F);
    return;
  }
  const std::span<float> delta = values.first(std::min(values.size(), elements() - offset));
  const FeedbackOptions& feedback = method_.options.feedback;
  if (feedback.on() && !feedback.econtrol() && own_.open.empty() && open.delta.empty() && !hook) {
    read_delta(shared_.global, fragment_.local, own_.residual, static_cast<float>(feedback.decay),
               offset, delta);  // what the rest comes to, in one pass
  } else {
    read_own_delta(offset, delta);
    if (hook) hook(open.round, offset, delta);
    if (!open.delta.empty())
      std::ranges::copy(delta, open.delta.begin() + static_cast<std::ptrdiff_t>(offset));
    feed_back(offset, delta);
  }
  norms.add(offset, delta);
  std::ranges::fill(values.subspan(delta.size()), 0.0F);
}

std::vector<float> FragmentSync::memory() {
  std::vector<float> values;
  if (!spare_.empty()) {
    values = std::move(spare_.back());
    spare_.pop_back();
  }
  values.resize(elements());
  return values;
}

void FragmentSync::encode(OpenRound& open, const DeltaHook& hook, TensorNorms& norms) {
  if (method_.options.feedback.on()) {
    open.lost = memory();
    if (method_.keeps_lead()) open.delta = memory();
  }
  const auto encoded = buffers_.take(method_.codec->encoded_bytes(payload_.elements()));
  EncodeOptions options = encode_options(method_, open.round, session_.self().island, open.lost);
  if (hook) options.threads = 1;
  options.ahead = [this](std::size_t offset, std::size_t count) {
    if (offset >= elements()) return ReadAhead();  // the other parts of the payload
    return read_ahead(shared_.global, fragment_.local, own_.residual, offset, count);
  };
  open.finite = encode_each(
      *method_.codec, payload_.elements(),
      [&](std::size_t offset, std::span<float> values) {
        fill_block(open, hook, norms, offset, values);
      },
      *encoded, options);
  open.encoded = encoded;
}

FragmentSync::Launched FragmentSync::launch(const DeltaHook& hook) {
  const Version base = newest();
  OpenRound open;
  open.round = {shared_.version.fragment, base.number};
  open.tokens = own_.tokens;
  open.share = estimated_share();
  TensorNorms tensor_norms(fragment_.borders);
  if (method_.options.low_rank)
    launch_low_rank(open, hook, tensor_norms);
  else
    encode(open, hook, tensor_norms);
  std::ranges::fill(own_.gradient_sum, 0.0F);
  own_.gradients = 0;
  std::vector<double> norms = tensor_norms.norms();
  const double norm = norms[0];
  if (!open.finite) norms.assign(norms.size(), 0);
  if (!open.low_rank) {
    announce(open, open.round, base, std::move(norms), payload_.elements(), open.encoded);
  } else {
    open.low_rank->norms = std::move(norms);
    if (open.low_rank->first)
      send_first(open, base);
    else
      send_second(open, base);
  }

  if (method_.options.eager && open.finite) {
    each_block([&](std::size_t offset, std::size_t count) -> Status {
      Block block;
      const std::span<float> delta = std::span(block).first(count);
      if (Status status = decode_own(open, offset, delta); !status.ok()) return status;
      eager_remember(*method_.outer->linear(), open.share, delta,
                     std::span(own_.lead).subspan(offset, count));
      return {};
    });
  }
  own_.open.push_back(std::move(open));
  return {own_.open.back().finite, norm};
}

void FragmentSync::announce(const OpenRound& open, RoundId round, const Version& base,
                            std::vector<double> norms, std::size_t elements,
                            std::shared_ptr<const ByteBuffer> encoded) {
  Contribution contribution;
  contribution.round = round;
  contribution.base = base;
  contribution.tokens = open.tokens;
  contribution.norms = std::move(norms);
  contribution.finite = open.finite;
  contribution.elements = elements;
  contribution.codec = method_.codec;
  contribution.result_codec = method_.result_codec;
  contribution.result_rounding = result_rounding(method_, round);
  contribution.reducer =
      payload_.reducer(method_.aggregation->reducer(fragment_.borders, shared_.statistics));
  contribution.encoded = std::move(encoded);
  throw_if_error(session_.launch(std::move(contribution)));
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
  if (open.low_rank) finish_first(open);
  RoundOutcome outcome = session_.wait(open.round).value_or_throw();
  check_continues(open.low_rank ? open.low_rank->before : newest(), outcome);
  if (open.low_rank) add(open.low_rank->phases, outcome.phases);
  open.outcome = std::move(outcome);
  judge(open);
  if (open.low_rank) take_factors(open);
  if (!open.outcome->included) return;
  own_.tokens -= open.tokens;
  take_variate(open);
  take_residual(open);
}

void FragmentSync::take_residual(OpenRound& open) {
  const FeedbackOptions& feedback = method_.options.feedback;
  if (feedback.econtrol()) {
    each_block([&](std::size_t offset, std::size_t count) -> Status {
      Block block;
      const std::span<float> sent = std::span(block).first(count);
      if (Status status = decode_own(open, offset, sent); !status.ok()) return status;
      take_in(std::span(open.lost).subspan(offset, count),
              std::span(own_.residual).subspan(offset, count), feedback.decay, sent,
              std::span(own_.estimate).subspan(offset, count));
      return {};
    });
  }
  if (feedback.on()) own_.residual.swap(open.lost);
  if (!open.lost.empty()) spare_.push_back(std::move(open.lost));
  open.lost.clear();
}

void FragmentSync::judge(OpenRound& open) {
  const RoundOutcome& outcome = *open.outcome;
  for (const std::vector<double>& announced : outcome.norms)
    if (announced.size() != fragment_.borders.size())
      throw Error(
          {Code::kFailedPrecondition,
           fmt::format("{}: an island announced {} norms, this one's fragment has {} tensors: "
                       "their models differ",
                       to_string(outcome.round), announced.size(), fragment_.parameters.size())});
  TensorNorms norms(fragment_.borders);
  if (method_.aggregation->needs_result_norms()) {
    each_block([&](std::size_t offset, std::size_t count) -> Status {
      Block block;
      const std::span<float> values = std::span(block).first(count);
      const Status status = decode_at(*outcome.codec, *outcome.bytes, offset, values);
      if (status.ok()) norms.add(offset, values);
      return status;
    });
  }
  open.judgement = method_.aggregation->settle(facts_of(outcome, fragment_.borders), norms.norms(),
                                               shared_.statistics);
}

void FragmentSync::take_variate(const OpenRound& open) {
  if (own_.variate.empty()) return;
  each_block([&](std::size_t offset, std::size_t count) {
    return decode_at(*method_.codec, *open.encoded, payload_.second() + offset,
                     std::span(own_.variate).subspan(offset, count));
  });
}

void FragmentSync::start_over() {
  for (OpenRound& open : own_.open)
    if (open.low_rank && open.finite) finish_first(open);  // it is a contribution of before
  write_block(fragment_.local, 0, shared_.global);
  own_.tokens = 0;
  std::ranges::fill(own_.lead, 0.0F);
  std::ranges::fill(own_.residual, 0.0F);
  std::ranges::fill(own_.gradient_sum, 0.0F);
  own_.gradients = 0;
  for (OpenRound& open : own_.open) {
    std::ranges::fill(open.lost, 0.0F);
    open.held = 0;
    open.tokens = 0;
  }
}

}  // namespace outrigger
