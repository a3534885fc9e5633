#include <outrigger/optim/sync/diloco.h>

#include <fmt/format.h>

#include <cmath>

namespace outrigger {
namespace {

SharedState initial_state(const std::vector<Fragment>& fragments, const OuterOptimizer& outer) {
  SharedState shared;
  for (std::uint32_t p = 0; p < fragments.size(); ++p) {
    const std::size_t elements = fragments[p].local.elements();
    SharedState::Fragment state;
    state.version.fragment = p;
    state.global.resize(elements);
    read_block(fragments[p].local, 0, state.global);
    state.slots.assign(outer.slots().size(), std::vector<float>(elements, 0.0F));
    shared.fragments.push_back(std::move(state));
  }
  return shared;
}

std::vector<Fragment> cut(NamedTensors parameters) {
  std::vector<Fragment> fragments;
  fragments.push_back(whole_model(std::move(parameters)).value_or_throw());
  return fragments;
}

}  // namespace

Result<const Codec*> find_result_codec(const std::string& codec, const std::string& result_codec) {
  if (result_codec != "auto") return find_codec(result_codec);
  return find_codec(codec == "fp32" ? "fp32" : "bf16");
}

DiLoCo::DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options)
    : DiLoCo(session, std::move(parameters), std::move(options), {}, {}) {}

DiLoCo::DiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options, SharedState shared,
               PrivateState own)
    : session_(session),
      options_(std::move(options)),
      codec_(find_codec(options_.codec).value_or_throw()),
      result_codec_(find_result_codec(options_.codec, options_.result_codec).value_or_throw()),
      outer_(make_outer_optimizer(options_.outer).value_or_throw()),
      aggregation_(make_aggregation({}).value_or_throw()),
      timetable_(options_.every, 1, 0),
      fragments_(cut(std::move(parameters))),
      shared_(std::move(shared)),
      own_(std::move(own)) {
  if (options_.every == 0)
    throw Error({Code::kInvalidArgument, "DiLoCoOptions::every must be at least 1"});
  if (shared_.fragments.empty()) shared_ = initial_state(fragments_, *outer_);
  own_.tokens.resize(fragments_.size(), 0);
  for (std::uint32_t p = 0; p < fragments_.size(); ++p) {
    if (shared_.fragments[p].global.size() != fragments_[p].local.elements())
      throw Error(
          {Code::kFailedPrecondition,
           fmt::format("the shared state has {} elements for fragment {}, the model {}",
                       shared_.fragments[p].global.size(), p, fragments_[p].local.elements())});
    compare_states("start", p);
  }
}

std::vector<RoundReport> DiLoCo::step(std::uint64_t tokens) {
  if (tokens == 0)
    throw Error(
        {Code::kInvalidArgument, "DiLoCo::step needs the tokens of the inner step; it got 0"});
  ++own_.step;
  for (std::uint64_t& count : own_.tokens) count += tokens;
  // Blocking: what is launched at a boundary is applied there.
  std::vector<RoundReport> reports;
  for (const std::uint32_t fragment : timetable_.at(own_.step).launches)
    reports.push_back(run_round(fragment));
  return reports;
}

std::vector<RoundReport> DiLoCo::finish() {
  std::vector<RoundReport> reports;
  for (std::uint32_t p = 0; p < fragments_.size(); ++p)
    if (own_.tokens[p] != 0) reports.push_back(run_round(p));
  for (const SharedState::Fragment& state : shared_.fragments)
    compare_states("end", state.version.fragment);
  return reports;
}

RoundReport DiLoCo::run_round(std::uint32_t fragment) {
  const RoundId round{fragment, shared_.fragments[fragment].version.number};
  return settle_and_apply(round, launch(round));
}

DiLoCo::Launched DiLoCo::launch(RoundId round) {
  const TimePoint began = Clock::now();
  const Fragment& fragment = fragments_[round.fragment];
  SharedState::Fragment& state = shared_.fragments[round.fragment];
  Segments global;
  global.add(state.global);

  auto encoded = std::make_shared<std::vector<std::byte>>(codec_->encoded_bytes(global.elements()));
  const EncodeReport report = encode_delta(*codec_, global, fragment.local, *encoded);
  const Launched launched{seconds(Clock::now() - began), std::sqrt(report.squared_norm), began};

  Contribution contribution;
  contribution.round = round;
  contribution.base = state.version;
  contribution.tokens = own_.tokens[round.fragment];
  contribution.norms = {report.finite ? launched.norm : 0.0};
  contribution.finite = report.finite;
  contribution.elements = global.elements();
  contribution.codec = codec_;
  contribution.result_codec = result_codec_;
  contribution.reducer = aggregation_->reducer({}, {});
  contribution.encoded = std::move(encoded);
  throw_if_error(session_.launch(std::move(contribution)));
  return launched;
}

RoundReport DiLoCo::settle_and_apply(RoundId round, const Launched& launched) {
  RoundReport report;
  report.outcome = session_.wait(round).value_or_throw();
  const TimePoint settled = Clock::now();
  const RoundOutcome& outcome = report.outcome;
  const SharedState::Fragment& state = shared_.fragments[round.fragment];
  if (outcome.version.number != state.version.number + 1 ||
      outcome.version.chain != chain(state.version.chain, outcome.hash))
    throw Error(
        {Code::kCorruption,
         fmt::format("{} does not continue this island's history (version {}, chain {}): stop the "
                     "job and resume it from its last checkpoint",
                     to_string(round), state.version.number, state.version.chain.hex())});
  apply(outcome);
  throw_if_error(session_.applied(round, outcome.version));

  report.step = own_.step;
  report.reset = !outcome.included;
  own_.tokens[round.fragment] = 0;
  if (report.reset && on_reset) on_reset();
  if (options_.check_every != 0 && outcome.version.number % options_.check_every == 0)
    compare_states("check", round.fragment);

  report.encode_s = launched.encode_s;
  report.pseudo_gradient_norm = launched.norm;
  report.apply_s = seconds(Clock::now() - settled);
  report.exposed_s = seconds(Clock::now() - launched.began);
  return report;
}

void DiLoCo::apply(const RoundOutcome& outcome) {
  const Fragment& fragment = fragments_[outcome.round.fragment];
  SharedState::Fragment& state = shared_.fragments[outcome.round.fragment];
  std::vector<std::span<float>> slots(state.slots.size());
  const auto step_and_merge = [&](std::size_t offset, std::span<const float> g) {
    const std::span<float> theta = std::span(state.global).subspan(offset, g.size());
    for (std::size_t k = 0; k < slots.size(); ++k)
      slots[k] = std::span(state.slots[k]).subspan(offset, g.size());
    outer_->step_block(theta, g, slots, {outcome.round.number, 1.0});
    write_block(fragment.local, offset, theta);
  };
  throw_if_error(decode_each(*outcome.codec, *outcome.bytes, state.global.size(), step_and_merge));
  state.version = outcome.version;
}

void DiLoCo::compare_states(std::string_view when, std::uint32_t fragment) {
  const SharedState::Fragment& state = shared_.fragments[fragment];
  const std::string own = hash_state(state).bytes();
  const std::string key = fmt::format("state:{}:{}:{}", when, fragment, state.version.number);
  const std::vector<std::string> hashes = session_.gather(key, own).value_or_throw();
  const std::vector<PeerInfo> peers = session_.peers();
  for (std::size_t k = 0; k < hashes.size(); ++k) {
    if (hashes[k] == own) continue;
    throw Error(
        {Code::kCorruption,
         fmt::format("island '{}' holds other global parameters or outer state than this island at "
                     "version {} of fragment {} ({}); {}",
                     peers[k].island, state.version.number, fragment, when,
                     state.version.number == 0
                         ? "every island must start from the same parameters"
                         : "stop the job and resume it from its last checkpoint")});
  }
}

}  // namespace outrigger
