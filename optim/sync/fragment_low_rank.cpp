// FragmentSync: rounds of two exchanges, in which matrices travel as factors (low_rank.h).
#include <outrigger/optim/sync/fragment_sync.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace outrigger {
namespace {

using Block = std::array<float, kDriverBlock>;

std::vector<float> decode_flat(const Codec& codec, const ByteBuffer& bytes, std::size_t elements) {
  std::vector<float> values(elements);
  throw_if_error(decode_all(codec, bytes, values));
  return values;
}

}  // namespace

LowRank low_rank_of(const Method& method, const Fragment& fragment,
                    const std::vector<double>& ranks) {
  std::vector<Shape> shapes;
  for (const NamedTensor& parameter : fragment.parameters)
    shapes.push_back(parameter.tensor.sizes().vec());
  return {shapes, method.options.low_rank->rank, AdaptiveRank::rank(ranks)};
}

std::vector<float> decode_factors(const OpenRound& open) {
  return decode_flat(*open.outcome->codec, *open.outcome->bytes,
                     open.low_rank->method.second_elements());
}

// The values, pseudo-gradient and residual, stay in `lost` until the second payload is made.
void FragmentSync::launch_low_rank(OpenRound& open, const DeltaHook& hook, TensorNorms& norms) {
  open.low_rank = std::make_shared<OpenLowRank>(
      OpenLowRank{low_rank_of(method_, fragment_, shared_.ranks), {}, {}, newest(), {}, {}, {}});
  if (open.low_rank->exchanges() == 2) {
    open.low_rank->first = open.round;
    ++open.round.number;
  }
  open.lost = memory();
  if (method_.keeps_lead()) open.delta = memory();
  each_block(hook ? 1 : method_.threads, [&](std::size_t offset, std::size_t count) {
    fill_block(open, hook, norms, offset, std::span(open.lost).subspan(offset, count));
    return Status();
  });
  open.finite = std::isfinite(norms.norms()[0]);
  if (!open.finite) std::ranges::fill(open.lost, 0.0F);
}

std::shared_ptr<ByteBuffer> FragmentSync::encode_flat(OpenRound& open, RoundId round,
                                                      std::span<const float> values) const {
  const auto encoded = buffers_.take(method_.codec->encoded_bytes(values.size()));
  const auto fill = [&](std::size_t offset, std::span<float> out) {
    std::ranges::copy(values.subspan(offset, out.size()), out.begin());
  };
  const EncodeOptions options = encode_options(method_, round, session_.self().island, {});
  open.finite &= encode_each(*method_.codec, values.size(), fill, *encoded, options);
  return encoded;
}

void FragmentSync::send_first(OpenRound& open, const Version& base) {
  OpenLowRank& low_rank = *open.low_rank;
  std::vector<float> payload(low_rank.method.first_elements());
  low_rank.method.first_payload(open.lost, shared_.warm, payload);
  const auto encoded = encode_flat(open, *low_rank.first, payload);
  announce(open, *low_rank.first, base, low_rank.norms, payload.size(), encoded);
}

void FragmentSync::advance() {
  for (OpenRound& open : own_.open)
    if (open.low_rank && open.low_rank->first &&
        session_.ready(*open.low_rank->first).value_or_throw())
      finish_first(open);
}

// Waits for the first exchange, if there is one and its result was not taken yet.
void FragmentSync::finish_first(OpenRound& open) {
  OpenLowRank& low_rank = *open.low_rank;
  if (!low_rank.first) return;
  const RoundOutcome outcome = session_.wait(*low_rank.first).value_or_throw();
  check_continues(low_rank.before, outcome);
  low_rank.basis = decode_flat(*outcome.codec, *outcome.bytes, low_rank.method.first_elements());
  low_rank.method.make_basis(low_rank.basis);
  low_rank.before = outcome.version;
  low_rank.phases = outcome.phases;
  throw_if_error(session_.applied(outcome.round, outcome.version));
  low_rank.first.reset();
  send_second(open, outcome.version);
}

void FragmentSync::send_second(OpenRound& open, const Version& base) {
  const OpenLowRank& low_rank = *open.low_rank;
  std::vector<float> payload(low_rank.method.second_elements());
  low_rank.method.second_payload(open.lost, low_rank.basis, payload);
  open.encoded = encode_flat(open, open.round, payload);
  payload = decode_flat(*method_.codec, *open.encoded, payload.size());
  each_block([&](std::size_t offset, std::size_t count) {
    Block block;
    const std::span<float> sent = std::span(block).first(count);
    low_rank.method.reconstruct(low_rank.basis, payload, offset, sent);
    for (std::size_t i = 0; i < count; ++i) open.lost[offset + i] -= sent[i];
    return Status();
  });
  announce(open, open.round, base, low_rank.norms, payload.size(), open.encoded);
}

void FragmentSync::take_factors(OpenRound& open) {
  OpenLowRank& low_rank = *open.low_rank;
  low_rank.factors = decode_factors(open);
  const AdaptiveRank adaptive(*method_.options.low_rank);
  adaptive.observe(low_rank.method.effective_rank(low_rank.factors, adaptive.kept()),
                   shared_.ranks);
  const LowRank next = low_rank_of(method_, fragment_, shared_.ranks);
  shared_.warm.resize(next.warm_elements());
  low_rank.method.next_warm(low_rank.factors, {open.round.fragment, open.round.number}, next,
                            shared_.warm);
}

Status FragmentSync::read_result(const OpenRound& open, std::size_t offset,
                                 std::span<float> values) const {
  if (!open.low_rank) return decode_at(*open.outcome->codec, *open.outcome->bytes, offset, values);
  open.low_rank->method.reconstruct(open.low_rank->basis, open.low_rank->factors, offset, values);
  return {};
}

}  // namespace outrigger
