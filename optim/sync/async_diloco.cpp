#include <outrigger/optim/sync/async_diloco.h>

#include <fmt/format.h>

#include <charconv>

#include <outrigger/optim/sync/tensor_norms.h>

namespace outrigger {
namespace {

std::uint64_t count_of(const std::string& text) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error({Code::kInternal, fmt::format("an island says '{}' for its arrivals", text)});
  return count;
}

}  // namespace

AsyncDiLoCo::AsyncDiLoCo(Session& session, NamedTensors parameters, DiLoCoOptions options,
                         SharedState shared, PrivateState own)
    : Synchronizer(session, std::move(parameters), std::move(options), std::move(shared),
                   std::move(own)) {
  if (!method_.outer->asynchronous())
    throw Error({Code::kInvalidArgument,
                 fmt::format("{} is no asynchronous rule: use DiLoCo, or make_synchronizer",
                             method_.outer->name())});
  for (auto island = static_cast<std::uint32_t>(shared_.arrivals.size());
       island < session_.peers().size(); ++island)
    shared_.arrivals.push_back({island, 0, {}});
  if (own_.fragments[0].anchor.empty()) own_.fragments[0].anchor = shared_.fragments[0].global;
  throw_if_error(session_.listen(contribution_like()));
  compare_states("start", 0);
}

Contribution AsyncDiLoCo::contribution_like() const {
  Contribution like;
  like.elements = fragments_[0].local.elements();
  like.codec = like.result_codec =
      method_.codec;  // nothing is averaged, so nothing is coded coarser
  like.reducer = method_.aggregation->reducer(fragments_[0].borders, {});
  like.topology = "direct";
  return like;
}

std::vector<RoundReport> AsyncDiLoCo::step(std::uint64_t tokens) {
  count_step(tokens);
  while (const auto arrival = session_.poll_arrival().value_or_throw()) apply_arrival(*arrival);
  std::vector<RoundReport> reports;
  if (++own_.fragments[0].since >= method_.options.every) upload(reports);
  return reports;
}

std::vector<RoundReport> AsyncDiLoCo::finish() {
  std::vector<RoundReport> reports;
  if (own_.fragments[0].since > 0) upload(reports);
  settle();
  download();
  compare_states("end", 0);
  finished_ = true;
  return reports;
}

// Every island says how many of its own rounds are committed, and applies everyone's up to there.
void AsyncDiLoCo::settle() {
  const std::uint32_t self = session_.self().island;
  const std::vector<std::string> counts =
      session_
          .gather(fmt::format("arrivals:{}:{}", own_.step, settled_++),
                  std::to_string(shared_.arrivals[self].number))
          .value_or_throw();
  for (std::size_t island = 0; island < counts.size(); ++island)
    while (shared_.arrivals[island].number < count_of(counts[island]))
      apply_arrival(session_.next_arrival().value_or_throw());
  compare_states(fmt::format("settled {}", settled_), 0);
}

// anchor - theta_local; false if it is not finite.
bool AsyncDiLoCo::encode_own(Contribution& contribution) {
  TensorNorms norms(fragments_[0].borders);
  PrivateState::Fragment& own = own_.fragments[0];
  const FeedbackOptions& feedback = method_.options.feedback;
  const auto encoded = buffers_.take(method_.codec->encoded_bytes(contribution.elements));
  const auto fill = [&](std::size_t offset, std::span<float> delta) {
    read_delta(own.anchor, fragments_[0].local, offset, delta);
    if (on_delta) on_delta(contribution.round, offset, delta);
    if (feedback.on())
      add_residual(delta, std::span(own.residual).subspan(offset, delta.size()), feedback.decay);
    norms.add(offset, delta);
  };
  // Every upload is applied by everyone, so what it lost is the residual at once.
  EncodeOptions options =
      encode_options(method_, contribution.round, session_.self().island, own.residual);
  if (on_delta) options.threads = 1;
  options.ahead = [&](std::size_t offset, std::size_t count) {
    return read_ahead(own.anchor, fragments_[0].local, own.residual, offset, count);
  };
  const bool finite = encode_each(*method_.codec, contribution.elements, fill, *encoded, options);
  contribution.encoded = encoded;
  contribution.norms = norms.norms();
  return finite;
}

void AsyncDiLoCo::upload(std::vector<RoundReport>& reports) {
  const TimePoint began = Clock::now();
  const Version base = shared_.arrivals[session_.self().island];
  Contribution contribution = contribution_like();
  contribution.round = {base.fragment, base.number};
  contribution.base = base;
  contribution.tokens = own_.fragments[0].tokens;
  RoundReport report;
  report.step = own_.step;
  if (!encode_own(contribution)) {  // nothing is sent
    download();
    if (on_reset) on_reset();
    return;
  }
  report.pseudo_gradient_norm = contribution.norms[0];
  report.encode_s = seconds(Clock::now() - began);
  const RoundId own = contribution.round;
  throw_if_error(session_.launch(std::move(contribution)));
  do {
    report.outcome = session_.next_arrival().value_or_throw();
    report.round = report.outcome.round.number;
    apply_arrival(report.outcome);
  } while (report.outcome.round != own);
  download();
  report.exposed_s = seconds(Clock::now() - began);
  report.apply_s = report.exposed_s - report.encode_s;
  reports.push_back(std::move(report));
}

void AsyncDiLoCo::apply_arrival(const RoundOutcome& outcome) {
  Version& version = shared_.arrivals.at(outcome.round.fragment);
  check_continues(version, outcome);
  SharedState::Fragment& state = shared_.fragments[0];
  OuterStep step;
  step.round = state.version.number;
  step.lr_factor = method_.lr_factor(step.round / shared_.arrivals.size());
  throw_if_error(decode_each(*outcome.codec, *outcome.bytes, state.global.size(),
                             [&](std::size_t offset, std::span<const float> g) {
                               method_.outer->step_block(
                                   std::span(state.global).subspan(offset, g.size()), g,
                                   slots_at(state, offset, g.size()), step);
                             }));
  version = outcome.version;
  state.version.number += 1;
  state.version.chain = chain(state.version.chain, outcome.hash);
  throw_if_error(session_.applied(outcome.round, outcome.version));
}

void AsyncDiLoCo::download() {
  PrivateState::Fragment& own = own_.fragments[0];
  own.anchor = shared_.fragments[0].global;
  own.since = 0;
  own.tokens = 0;
  write_block(fragments_[0].local, 0, own.anchor);
}

}  // namespace outrigger
